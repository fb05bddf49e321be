/** `1 app`, `2 apps`. */
export const some = (count: number, what: string): string =>
  `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`

/** Why a run may not have had all that was accepted before it. */
export const UNSEEN = {
  no_gateway: 'no gateway could tell whether it had events that are not in the lake yet',
  stream: 'events that are on their way through the stream',
  backlog: 'events that the gateway had not delivered yet',
} as const

/** Without what stands before the host of a URL, which may be a password. */
export const withoutUsers = (text: string): string =>
  text.replace(/[^\s"]+/g, (word) => {
    const [from, to] = [word.indexOf('//') + 2, word.lastIndexOf('@')]
    return from > 1 && from < to ? `${word.slice(0, from)}…${word.slice(to)}` : word
  })

/** As a shell takes it for one word. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
