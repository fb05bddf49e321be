import { keysLike } from '../config/parse.ts'
import { didYouMean } from '../std/input/did-you-mean.ts'
import type { Command, Flags } from './terminal/command.ts'
import { quoted } from './terminal/wording.ts'

const nameOf = (word: string): string => word.replace(/ .*/, '')

/** What is wrong with the words behind a command, or undefined. */
export function wrongWords(command: Command, given: readonly string[]): string | undefined {
  const { words = [], operand, takesMany = false } = command
  if (given.includes('')) return `does not take an empty word (""), as a variable gives that is not set`
  const names = words.map(nameOf)
  const tooMany = takesMany ? undefined : given[1]
  const taken = operand === undefined ? given.slice(0, 1).find((word) => !names.includes(word)) : tooMany
  if (taken !== undefined)
    return `does not take "${taken}"${didYouMean(taken, names) || anOption(taken, command) || oneOfThese(words)}`
  if (words.length === 0) return undefined
  const form = words.find((each) => nameOf(each) === given[0])
  if (form?.split(' ').length === given.length) return undefined
  if (form?.includes(' ')) return `needs "${form}"`
  const [, more = ''] = given
  return form === undefined
    ? `needs one of ${words.join(', ')}`
    : `${form} does not take "${more}"${anOption(more, command)}`
}

/** What is wrong with an option whose value is empty, or undefined. */
export function emptyOption({ options }: Command, given: Flags): string | undefined {
  for (const [name, option] of Object.entries(options))
    if (option.type === 'string' && given[name] === '') return `${needsValue(name, option.value)}; ${EMPTY}`
  return undefined
}

const EMPTY = 'this one is empty, as that of a variable that is not set'

const needsValue = (name: string, value: string): string => `--${name} needs a value: --${name} ${value}`

const oneOfThese = (words: readonly string[]): string =>
  words.length === 0 ? '' : `; it is one of ${words.join(', ')}`

/** The option whose value this looks like, where there is one: an address, or the file of a configuration. */
function anOption(word: string, { options }: Command): string {
  const name = /^https?:\/\//i.test(word) ? 'url' : /\.(ya?ml|json)$|\//i.test(word) ? 'config' : ''
  return name in options ? `; did you mean --${name} ${quoted(word)}?` : ''
}

/** The option that Node's words are about: the long one of two. */
const OPTION = /^[^']*'(?:-\w, )?(--?[^' <=]+).*$/s

/** Node's own words are about how options are read. */
export function wrongOption(
  command: Command,
  { code, message }: { readonly code: string; readonly message: string },
): string {
  const { options } = command
  const option = message.replace(OPTION, '$1')
  const name = option.replace(/^-+/, '')
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return `there is no option ${option}${meant(name, command)}`
  const known = options[name]
  return known?.type === 'string' ? needsValue(name, known.value) : `--${name} takes no value`
}

/** Another option, another way to give it, or else all that there are. */
function meant(name: string, { options, settings }: Command): string {
  const known = [...Object.keys(options), 'help'].map((option) => `--${option}`)
  const near = didYouMean(`--${name}`, known)
  if (near !== '') return near
  if ('token-env' in options && /token/i.test(name))
    return ', since others see a command line: put the token into HEADGATE_TOKEN, or name the variable that holds it by --token-env NAME'
  const like = 'config' in options ? keysLike(name) : []
  const keys = like.filter(({ path }) => settings?.includes(path) !== false)
  if (keys.length === 0) return `; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`
  const lines = keys.map(({ path, example }) => `\n  ${path}: ${example}`)
  return `: it is set in the configuration, or by a variable before the command${lines.join('')}`
}
