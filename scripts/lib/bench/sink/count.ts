/** What one PutRecords body holds. */
export interface PutRecordsCounts {
  readonly records: number
  /** NDJSON lines in all records: an event each. */
  readonly lines: number
  /** Bytes of all records, decoded. */
  readonly dataBytes: number
  /** Bytes that a body would take, envelopes included, if each line were a record of its own. */
  readonly soloBytes: number
}

const DATA = Buffer.from('"Data":"')
const QUOTE = 0x22
const NEWLINE = 0x0a
/** `{"Data":"","PartitionKey":"<16 random bytes in base64url>"},` around each record's data. */
const ENVELOPE_BYTES = 59

/**
 * Found by searching bytes, never by parsing: the sink must cost less than what it measures. A partition key that held
 * `"Data":"` would deceive it; the senders measured here make theirs of letters, digits, - and _.
 */
export function contentsOf(body: Buffer): PutRecordsCounts {
  let [records, lines, dataBytes, soloBytes] = [0, 0, 0, 0]
  for (let at = body.indexOf(DATA); at !== -1; at = body.indexOf(DATA, at)) {
    const start = at + DATA.length
    const end = body.indexOf(QUOTE, start)
    const data = Buffer.from(body.toString('latin1', start, end), 'base64')
    const found = countLines(data)
    records += 1
    lines += found.lines
    dataBytes += data.length
    soloBytes += found.soloBytes
    at = end
  }
  return { records, lines, dataBytes, soloBytes }
}

/** A record without a newline at its end, as others send it, is a line all the same. */
function countLines(data: Buffer): { lines: number; soloBytes: number } {
  let [lines, soloBytes] = [0, 0]
  for (let start = 0; start < data.length; ) {
    const end = data.indexOf(NEWLINE, start) + 1 || data.length
    lines += 1
    soloBytes += base64Bytes(end - start) + ENVELOPE_BYTES
    start = end
  }
  return { lines, soloBytes }
}

/** The lines themselves: for samples, as it takes long. */
export function linesOf(body: Buffer): readonly string[] {
  const { Records } = JSON.parse(body.toString()) as {
    readonly Records: readonly { readonly Data: string }[]
  }
  return Records.flatMap(({ Data }) => Buffer.from(Data, 'base64').toString().replace(/\n$/, '').split('\n'))
}

const base64Bytes = (bytes: number): number => Math.ceil(bytes / 3) * 4
