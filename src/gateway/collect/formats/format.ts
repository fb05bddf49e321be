import type { ResumableWork } from '../../../std/async/yielding.ts'

/** What a format may look at: never the peer, never the clock. */
export interface WireRequest {
  readonly contentType: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly query: Readonly<Record<string, string>>
  /** Inflated. Empty for GET. */
  readonly body: Buffer
}

export interface Decoded {
  /** Would-be measurements, in the order of the body; each is judged on its own. */
  readonly candidates: readonly unknown[]
  /** The app identifier that the body itself carries, if any. It identifies, it never authenticates. */
  readonly alias?: string | undefined
  /** What holds them, where one value of JSON holds them all. */
  readonly root?: unknown
  /** What was sent, where the candidates are made of it and are not the same. */
  readonly sent?: readonly unknown[]
  /** What the request says, in its order, where that is not its body: by it a repetition is told from what says something else. */
  readonly said?: readonly (string | Buffer)[] | undefined
}

/** One client's way of saying it, as a pure function. Throws `malformed_body` only when nothing at all can be read. */
export interface Format {
  readonly name: 'native' | 'pixel' | 'web-vitals'
  /** Whether bodies carry an alias: a request that nothing else names is then read to see whose it is. */
  readonly carriesAlias?: boolean
  /** Whether nobody is told what became of a request: its answer is a picture. */
  readonly isMute?: boolean
  decode(request: WireRequest): ResumableWork<Decoded>
  /** The same of what is short and usual, without steps between which others may have a turn; undefined for all else. */
  decodeShort?(request: WireRequest): Decoded | undefined
}
