import { SEPARATORS } from './digits.ts'
import { ESCAPE_AHEAD, START } from './escapes.ts'
import type { Marker } from './tells.ts'

const WORD = '[^\\\\/\\s"\'<>:|?*%\\ufffd]{1,64}'
/** As it is, in JSON of JSON, and encoded. */
const SEPARATOR = '(?:(?:%(?:25)*(?:5[cC]|2[fF])){1,8}|\\\\(?:u00|x)5[cC]|[\\\\/]{1,16})'
const DRIVE_COLON = '(?::|%(?:25)*3[aA]|\\\\(?:u00|x)3[aA])'
/** As it is, and encoded. */
const SLASH = '(?:/|%(?:25)*2[fF])'
const GAP = '(?: |%(?:25)*20)'
/** What the folder of them all is called: by Windows, by that before Vista, in German too, and as DOS has it short. */
const USERS = `(?:[Uu]sers|USERS|Documents${GAP}and${GAP}Settings|Dokumente${GAP}und${GAP}Einstellungen|DOCUME~\\d)`
/** Where a path begins: behind none of these, but for the last one of an escape (`\\n/home/…`). */
const behind = (chars: string) => `(?:(?<![${chars}])|(?<=${ESCAPE_AHEAD}))`
/** And on shares, by those who set them up. */
const SHARED = `(?:${USERS}|[Hh]omes?\\$?|[Pp]rofiles\\$?)`
/** What lies in the folder of a person: a file with the line that a stack tells, or what a Mac has there. */
const INSIDE =
  '/(?:[^\\s:"\'()]{0,256}\\.\\w{1,8}:\\d|(?:Library|Applications|Documents|Desktop|Downloads|Movies|Music|Pictures)/)'
/**
 * Folders of people: on Windows, its shares and from the Linux beside it, of any file that a browser opened, and in stacks
 * on Macs and Linux. The path of a page, as `/users/42`, `/Users/Edit/5` or `/home/garden`, is none.
 */
const homeOf = (name: string) =>
  new RegExp(
    [
      `${START}([A-Za-z]${DRIVE_COLON}${SEPARATOR}(?:(?:WINNT|[Ww]indows)${SEPARATOR}[Pp]rofiles|${USERS})${SEPARATOR}`,
      `|[Ff]ile${DRIVE_COLON}${SLASH}{2,5}(?:[\\w.$-]{1,64}${SLASH}){0,3}(?:[Hh]ome|${USERS})${SLASH}`,
      `|webpack(?:-internal)?:///(?=(?:Users|home)/[^/\\s]{1,64}/)(?:Users|home)/)NAME`,
      // A share has twice as many backslashes before it as behind it. Names of PHP, in JSON, have as many.
      `|${behind('\\w\\\\:.')}((\\\\{1,4})\\3(?:[\\w.$-]{1,64}\\3(?!\\\\)){1,3}${SHARED}\\3)NAME`,
      `|${behind('\\w.%-')}(/(?:(?:mnt|cygdrive)/[a-z]/${USERS}|[a-z]/Users(?=/[^/\\s]{1,64}/)|(?:var|usr|export)/home)/)NAME`,
      `|${behind('\\w.%-')}((?:/[a-z]|/System/Volumes/Data|/Volumes/${WORD})?/(?:Users|home)/)NAME(?=${INSIDE})`,
    ]
      .join('')
      .replaceAll('NAME', name),
    'g',
  )
const NAME = `(?:${WORD}(?:${GAP}${WORD}){1,3}(?=[\\\\/]|%(?:25)*5[cC])|${WORD})`
const HOME = homeOf(NAME)
/** What may be octal, or a folder that begins with a number: of a name either is a part. */
const NUMBERED = `\\\\[01][0-7]{2}${WORD.replace('{1,64}', '{0,64}')}`
const NUMBERED_HOME = homeOf(`(?:(?=[01][0-7]{2})${NAME}(?:${NUMBERED}){0,8}|${NAME}(?:${NUMBERED}){1,8})`)
export const HOME_TELLS: readonly Marker[] = [
  ...['users', 'settings', 'einstellungen', 'docume~0', 'profiles', 'profiles$'].flatMap((folder) =>
    ['/', '\\', '%'].map((end) => folder + end),
  ),
  ...['/home/', 'home%', '\\home\\', '\\homes\\', '\\home$\\', '\\homes$\\'],
]

/** The names of those who own the folders, as `[user]`. */
export const maskHomes = (text: string): string => text.replace(HOME, '$1$2$4$5[user]')

const HAS_NUMBERED = /[\\/][01][0-7]{2}/

/** Those alone of which octal that is read would leave no path, or another one. */
export const maskNumberedHomes = (text: string): string =>
  HAS_NUMBERED.test(text) ? text.replace(NUMBERED_HOME, '$1$2$4$5[user]') : text

/** As it is printed, in groups of four (ISO 13616-1), with a blank or what else people write there, or with nothing. */
const IBAN = new RegExp(
  `${START}[A-Z]{2}\\d{2}(?:(?:${SEPARATORS})?[A-Z\\d]{4}){2,7}(?:(?:${SEPARATORS})?[A-Z\\d]{1,3})?(?![A-Za-z\\d])`,
  'giu',
)
const LAST_GROUP = new RegExp(`(?:${SEPARATORS})[A-Z\\d]{1,4}$`, 'iu')
const EACH_SEPARATOR = new RegExp(SEPARATORS, 'giu')
/** How long each country's are: IBAN Registry, release 100, https://www.swift.com/standards/data-standards/iban */
const ACCOUNT_CHARS: ReadonlyMap<string, number> = new Map(
  (
    [
      [15, 'NO'],
      [16, 'BE'],
      [18, 'DK FI FK FO GL NL SD'],
      [19, 'MK SI'],
      [20, 'AT BA EE KZ LT LU MN XK'],
      [21, 'CH HR LI LV'],
      [22, 'BG BH CR DE GB GE IE ME RS VA'],
      [23, 'AE GI IL IQ OM SO TL'],
      [24, 'AD CZ ES MD PK RO SA SE SK TN VG'],
      [25, 'LY PT ST'],
      [26, 'IS TR'],
      [27, 'BI DJ FR GR IT MC MR SM'],
      [28, 'AL AZ BY CY DO GT HN HU LB NI PL SV'],
      [29, 'BR EG PS QA UA'],
      [30, 'JO KW MU YE'],
      [31, 'MT SC'],
      [32, 'LC'],
      [33, 'RU'],
    ] as const
  ).flatMap(([chars, countries]) => countries.split(' ').map((country) => [country, chars] as const)),
)
/** Groups of digits beside each other, with and without what parts them. */
export const ACCOUNT_TELLS: readonly Marker[] = [
  ...['', '"', '.', '-', '_', '+'].map((separator) => `0000${separator}0000`),
  ...['%', '&', '\\u', '\\t'].map((escaped) => `0000${escaped}`),
]
/** ISO 7064, MOD 97-10. */
const MODULUS = 97
const LETTER_A = 10

/** Numbers of bank accounts, as `[digits]`: those that pass the check. A word may stand behind one. */
export const maskAccounts = (text: string): string =>
  text.replace(IBAN, (printed) => {
    for (let account = printed; account !== ''; account = withoutLast(account))
      if (isAccount(account.replace(EACH_SEPARATOR, '').toUpperCase()))
        return `[digits]${printed.slice(account.length)}`
    return printed
  })

const withoutLast = (groups: string): string => groups.slice(0, Math.max(0, groups.search(LAST_GROUP)))

/** The country and the check stand at the end, and letters count from ten on. */
function isAccount(account: string): boolean {
  if (account.length !== ACCOUNT_CHARS.get(account.slice(0, 2))) return false
  let rest = 0
  for (const char of account.slice(4) + account.slice(0, 4)) {
    const value = /\d/.test(char) ? Number(char) : char.charCodeAt(0) - 'A'.charCodeAt(0) + LETTER_A
    rest = (rest * (value < LETTER_A ? 10 : 100) + value) % MODULUS
  }
  return rest === 1
}
