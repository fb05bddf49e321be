/**
 * The longest name that is written down. The longest of AWS has some 50 characters, an id of a request 36. Ours.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const MAX_NAME_CHARS = 64
const NOT_IN_NAMES = /[^\w.:/+=#-]/g

export const cut = (text: string, maxChars: number): string =>
  text.length > maxChars ? `${text.slice(0, maxChars)}…` : text

/**
 * What a service calls something, as it may stand in a log line, an audit line or a metric: whoever answers in its place, such
 * as a proxy or an emulator, may call it anything of any length.
 */
export const foreignName = (text: string): string =>
  cut(text.slice(0, MAX_NAME_CHARS + 1).replace(NOT_IN_NAMES, '?'), MAX_NAME_CHARS)
