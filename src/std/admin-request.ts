import { isSyntaxError, unlessThrown } from './expected-errors.ts'
import { jsonIn } from './json.ts'

export interface AdminQuestion<T> {
  readonly url: string
  readonly path: string
  readonly token: string | undefined
  readonly method?: 'GET' | 'POST'
  readonly timeoutMs: number
  /** What is made of the text of an answer; undefined for what is none, and a SyntaxError is the same. */
  read(text: string): T | undefined
  /** `the state of a gateway` */
  readonly what: string
  /** Said beside a refusal where no token was sent. */
  readonly noToken?: string
}

/** `unreachable`: nobody answered. `refused`: somebody did, with an error. `strange`: the answer is none. */
export type AdminAnswer<T> =
  | { readonly kind: 'known'; readonly value: T }
  | {
      readonly kind: 'unreachable' | 'refused' | 'strange'
      readonly why: string
      /** Nothing listens there, or something that has no such thing to tell. */
      readonly isAbsent: boolean
    }

const NOT_FOUND = 404

/** Asks a private listener of Headgate. */
export async function askAdminListener<T>(question: AdminQuestion<T>): Promise<AdminAnswer<T>> {
  const { url, path, token, method = 'GET', timeoutMs, read, what, noToken = '' } = question
  const sent = fetch(new URL(path, url), {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'manual',
  })
  const came = await sent.then(textOf).catch(unreachable)
  if ('kind' in came) return came
  const { status, isOk, text } = came
  // Undefined for what is no JSON: something else than Headgate, or than an answer of it, listens there.
  const value = isOk ? unlessThrown(() => read(text), isSyntaxError) : undefined
  if (value !== undefined) return { kind: 'known', value }
  const problem = isOk ? undefined : Object(jsonIn(text)).detail
  const hint = status === 401 && token === undefined ? noToken : ''
  const why = `answered ${status}: ${problem ?? `this is not ${what}`}${hint}`
  return { kind: problem === undefined ? 'strange' : 'refused', why, isAbsent: status === NOT_FOUND }
}

const textOf = async (response: Response) => ({
  ...{ status: response.status, isOk: response.ok },
  text: await response.text(),
})

function unreachable(error: unknown) {
  // What fetch says itself is that it failed.
  const { cause, message } = Object(error)
  const { code, message: because = message } = Object(cause)
  const isAbsent = code === 'ECONNREFUSED'
  const why = isAbsent ? 'nothing listens there (ECONNREFUSED)' : (code ?? because)
  return { kind: 'unreachable', why: `unreachable: ${why}`, isAbsent } as const
}
