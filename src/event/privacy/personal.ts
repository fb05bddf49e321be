import type { Marker } from './tells.ts'

const WORD = '[^\\\\/\\s"\'<>:|?*%\\ufffd]{1,64}'
const SEPARATOR = '(?:[\\\\/]{1,4}|%5[cC])'
/** What lies in the folder of a person: a file with the line that a stack tells, or what a Mac has there. */
const INSIDE =
  '/(?:[^\\s:"\'()]{0,256}\\.\\w{1,8}:\\d|(?:Library|Applications|Documents|Desktop|Downloads|Movies|Music|Pictures)/)'
/**
 * Folders of people: on Windows, of any file that a browser opened, and in stacks on Macs and Linux. The path of a page, as
 * `/users/42`, `/Users/Edit/5` or `/home/garden`, is none.
 */
const HOME = new RegExp(
  [
    `(?<![A-Za-z\\d])([A-Za-z]:${SEPARATOR}[Uu]sers${SEPARATOR}|[Ff]ile:/{2,3}(?:localhost/)?(?:[Hh]ome|[Uu]sers)/)NAME`,
    `(?<![\\w.%-])(/(?:Users|home)/)NAME(?=${INSIDE})`,
  ]
    .join('|')
    .replaceAll('NAME', `(?:${WORD}(?:(?: |%20)${WORD}){1,3}(?=[\\\\/]|%5[cC])|${WORD})`),
  'g',
)
export const HOME_TELLS: readonly Marker[] = ['users/', 'users\\', 'users%', '/home/']

/** The names of those who own the folders, as `[user]`. */
export const maskHomes = (text: string): string => text.replace(HOME, '$1$2[user]')

/** As it is printed, in groups of four: ISO 13616-1. Without blanks it is a long run of digits. */
const IBAN =
  /(?<![A-Za-z\d])[A-Z]{2}\d{2}(?:[ \u00a0][A-Z\d]{4}){2,7}(?:[ \u00a0][A-Z\d]{1,3})?(?![A-Za-z\d])/g
/** ISO 7064, MOD 97-10. */
const MODULUS = 97
const LETTER_A = 10

/** Numbers of bank accounts, as `[digits]`: those that pass the check. A word in capitals may stand behind one. */
export const maskAccounts = (text: string): string =>
  text.replace(IBAN, (printed) => {
    const groups = printed.split(/[ \u00a0]/)
    for (let count = groups.length; count > 2; count--) {
      if (!isAccount(groups.slice(0, count).join(''))) continue
      const length = groups.slice(0, count).join(' ').length
      return `[digits]${printed.slice(length)}`
    }
    return printed
  })

/** The country and the check stand at the end, and letters count from ten on. */
function isAccount(account: string): boolean {
  let rest = 0
  for (const char of account.slice(4) + account.slice(0, 4)) {
    const value = /\d/.test(char) ? Number(char) : char.charCodeAt(0) - 'A'.charCodeAt(0) + LETTER_A
    rest = (rest * (value < LETTER_A ? 10 : 100) + value) % MODULUS
  }
  return rest === 1
}
