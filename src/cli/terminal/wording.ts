/** `1 app`, `2 apps`. */
export const some = (count: number, what: string): string =>
  `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`

/** Why a run may not have had all that was accepted before it. */
export const UNSEEN = {
  no_gateway: 'no gateway could tell whether it had events that are not in the lake yet',
  stream: 'events that are on their way through the stream',
  backlog: 'events that the gateway had not delivered yet',
} as const

/** A host, if any, with its port, and what follows them, such as a path, in which an `@` is one of a name. */
const HOST_AND_REST = /^(?:[\w.-]*|\[[\da-f:.]+\])(?::\d+)?[/?#]/i

/** An `@`, also as it is written in a URL, and those that are one to whoever reads a host. */
const AT = /@|%(?:25)*40|[\ufe6b\uff20]|%EF%B9%AB|%EF%BC%A0/gi

/** Without what stands before the host of a URL, which may be a password. A file has none before its own. */
export const withoutUsers = (text: string): string =>
  text.replace(/[^\s"]+/g, (word) => {
    const to = [...word.matchAll(AT)].at(-1)?.index ?? -1
    const from = Array.from(word.matchAll(/\/\//g), ({ index }) => index + 2).find(
      (at) => at < to && !HOST_AND_REST.test(word.slice(at, to)) && !/\bfile:..$/i.test(word.slice(0, at)),
    )
    return from === undefined ? word : `${word.slice(0, from)}…${word.slice(to)}`
  })

/** As a shell takes it for one word. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
