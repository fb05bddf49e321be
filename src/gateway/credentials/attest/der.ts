/** One value of DER (ITU-T X.690): node:crypto verifies certificates and does not show their extensions. */
export interface DerValue {
  readonly tag: number
  readonly content: Buffer
}

export const SEQUENCE = 0x30
export const OCTET_STRING = 0x04
/** `[n]`, holding other values. */
export const context = (n: number): number => 0xa0 | n

/** The values that follow one another in these bytes; undefined when they do not fill them exactly. */
export function derValues(bytes: Buffer): readonly DerValue[] | undefined {
  const values: DerValue[] = []
  let rest = bytes
  while (rest.length > 0) {
    const header = headerOf(rest)
    if (header === undefined || header.end > rest.length) return undefined
    values.push({ tag: header.tag, content: rest.subarray(header.start, header.end) })
    rest = rest.subarray(header.end)
  }
  return values
}

/** The only value in these bytes, if it has this tag: what it holds. */
export function only(bytes: Buffer | undefined, tag: number): Buffer | undefined {
  const [value, ...more] = (bytes && derValues(bytes)) ?? []
  return value?.tag === tag && more.length === 0 ? value.content : undefined
}

/** Where a value begins and ends. Tags are of one byte here, lengths of at most two bytes: certificates are short. */
function headerOf(bytes: Buffer) {
  const [tag = 0, first = 0xff, second = 0, third = 0] = bytes
  if (first < 0x80) return { tag, start: 2, end: 2 + first }
  if (first === 0x81) return { tag, start: 3, end: 3 + second }
  if (first === 0x82) return { tag, start: 4, end: 4 + second * 256 + third }
  return undefined
}
