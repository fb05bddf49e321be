import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A final answer as it stood on the wire. */
export interface RawAnswer {
  readonly status: number
  /** By lower-case name, each value as it came. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: Buffer
}

/** All values of a header, joined as HTTP allows. */
export const header = ({ headers }: RawAnswer, name: string): string | undefined =>
  headers.get(name)?.join(', ')

interface RawHead {
  readonly status: number
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly bodyAt: number
}

/**
 * The first answer in these bytes and how long it is; nothing while it is not complete. A reader of our own, and a strict
 * one: what is no HTTP/1.1 to the letter throws. `toHead`: the answer to a HEAD, which announces a body and has none.
 */
export function readAnswer(
  bytes: Buffer,
  toHead = false,
): (RawAnswer & { readonly length: number }) | undefined {
  const head = readHead(bytes)
  if (head === undefined) return undefined
  const { status, headers, bodyAt } = head
  if (status < 200) {
    // 100 Continue: the answer comes after it.
    const final = readAnswer(bytes.subarray(bodyAt), toHead)
    return final && { ...final, length: final.length + bodyAt }
  }
  const bodyless = toHead || status === 204 || status === 304
  const body = bodyless ? { bytes: Buffer.alloc(0), end: bodyAt } : readBody(bytes, head)
  return body && { status, headers, body: body.bytes, length: body.end }
}

function readHead(bytes: Buffer): RawHead | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const [, status] = /^HTTP\/1\.1 ([1-5]\d\d) [\x20-\x7e]*$/.exec(statusLine) ?? []
  if (status === undefined) throw new Error(`No status line: ${JSON.stringify(statusLine.slice(0, 80))}`)
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+): *([\x20-\x7e]*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`No header: ${JSON.stringify(line)}`)
    headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value])
  }
  return { status: Number(status), headers, bodyAt: end + 4 }
}

function readBody(bytes: Buffer, { headers, bodyAt }: RawHead): { bytes: Buffer; end: number } | undefined {
  if (headers.get('transfer-encoding')?.join() === 'chunked') return readChunks(bytes, bodyAt)
  const [length, ...more] = headers.get('content-length') ?? []
  if (length === undefined || more.length > 0) throw new Error('No length, or several')
  const end = bodyAt + Number(length)
  return bytes.length < end ? undefined : { bytes: bytes.subarray(bodyAt, end), end }
}

function readChunks(bytes: Buffer, from: number): { bytes: Buffer; end: number } | undefined {
  const chunks: Buffer[] = []
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    const next = lineEnd + 2 + size + 2
    if (bytes.length < next) return undefined
    if (size === 0) return { bytes: Buffer.concat(chunks), end: next }
    chunks.push(bytes.subarray(lineEnd + 2, next - 2))
    at = next
  }
}

/** Every answer in these bytes, in order; the last one may be incomplete and is left out. */
export function readAnswers(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = bytes; ; ) {
    const answer = readAnswer(rest)
    if (answer === undefined) return answers
    answers.push(answer)
    rest = rest.subarray(answer.length)
  }
}

export interface Sending {
  readonly toHead?: boolean
  /** The sender ends its side once all is written: only then does a body that stops half-way stop. */
  readonly halfClose?: boolean
}

/** Longer than any limit of the servers under test, but for the 25 s of a request. */
const PATIENCE_MS = Number(process.env['PAT'] ?? 20_000)

/** Bytes in, the first answer out; undefined when the server closes without one. */
export function exchangeBytes(
  port: number,
  request: Buffer,
  { toHead = false, halfClose = false }: Sending = {},
): Promise<RawAnswer | undefined> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const chunks: Buffer[] = []
    const settle = (act: () => void) => {
      socket.destroy()
      act()
    }
    const read = (): RawAnswer | undefined => readAnswer(Buffer.concat(chunks), toHead)
    socket.setTimeout(PATIENCE_MS, () => settle(() => reject(new Error(`No answer in ${PATIENCE_MS} ms`))))
    socket.on('data', (data) => {
      chunks.push(data)
      try {
        const answer = read()
        if (answer !== undefined) settle(() => resolve(answer))
      } catch (error) {
        settle(() => reject(error))
      }
    })
    socket.on('end', () =>
      settle(() => (chunks.length === 0 ? resolve(undefined) : reject(new Error('Half an answer')))),
    )
    // A server that has answered may close while we still write.
    socket.on('error', () => settle(() => resolve(undefined)))
    socket.write(request)
    if (halfClose) socket.end()
  })
}

/** A connection of its own, whose side stays open until `end`; `closed` has everything that was said to it. */
export function sendBytes(t: Pick<Test, 'teardown'>, port: number, first: string) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  const chunks: Buffer[] = []
  socket.on('data', (data) => chunks.push(data))
  socket.on('error', () => {})
  const closed = new Promise<Buffer>((resolve) => {
    socket.once('end', () => socket.end())
    socket.once('close', () => resolve(Buffer.concat(chunks)))
  })
  socket.write(first)
  return {
    socket,
    closed,
    said: () => Buffer.concat(chunks).toString('latin1'),
    write: (text: string) => socket.write(text),
    /** No more will come from here; what comes is read. */
    end: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
  }
}
