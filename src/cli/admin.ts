import type { Config } from '../config.ts'
import { AppError } from '../std/errors.ts'
import type { Flags, Option } from './command.ts'
import { devToken } from './dev-app.ts'
import type { Terminal } from './terminal.ts'

/** How commands find the private listener, and are believed there. */
export const ADMIN_OPTIONS: Readonly<Record<string, Option>> = {
  url: { type: 'string', value: 'URL', help: 'Ask this address instead, such as http://127.0.0.1:8081.' },
  'token-env': { type: 'string', value: 'NAME', help: 'The variable that holds the token.' },
}

const TIMEOUT_MS = 5_000
const NO_TOKEN =
  'None was sent: put one into HEADGATE_TOKEN, or name the variable that holds it by --token-env.'

/** What `--url` says, if it says something. */
export function urlFlag({ url }: Flags): string | undefined {
  if (url === undefined) return undefined
  if (/^https?:\/\//.test(String(url)) && URL.canParse(String(url))) return String(url)
  throw new AppError('invalid_request', `--url must be a URL such as http://127.0.0.1:8081; "${url}" is none`)
}

/** Never an option: others see the command line of a process. */
export async function tokenOf(flags: Flags, config: Config, { env }: Terminal): Promise<string | undefined> {
  const name = flags['token-env']
  if (name === undefined) return env['HEADGATE_TOKEN'] ?? (await devToken(config))
  const token = env[String(name)]
  if (token === undefined) throw new AppError('invalid_request', `--token-env: there is no variable ${name}`)
  return token
}

export interface Question<T> {
  readonly url: string
  readonly path: string
  readonly token: string | undefined
  readonly method?: 'GET' | 'POST'
  /** What is made of the text of an answer; undefined for what is none, and a SyntaxError is the same. */
  read(text: string): T | undefined
  /** `the state of a gateway` */
  readonly what: string
}

export type Answer<T> =
  | { readonly kind: 'known'; readonly value: T }
  | { readonly kind: 'unknown'; readonly why: string }

export async function askAdmin<T>(question: Question<T>): Promise<Answer<T>> {
  const { url, path, token, method = 'GET', read, what } = question
  try {
    const response = await fetch(new URL(path, url), {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
    })
    const text = await response.text()
    const value = response.ok ? unlessOther(() => read(text)) : undefined
    if (value !== undefined) return { kind: 'known', value }
    const problem = response.ok ? undefined : unlessOther(() => Object(JSON.parse(text)).detail)
    const hint = response.status === 401 && token === undefined ? ` ${NO_TOKEN}` : ''
    return { kind: 'unknown', why: `answered ${response.status}: ${problem ?? `this is not ${what}`}${hint}` }
  } catch (error) {
    // What fetch says itself is that it failed.
    const { cause, message } = Object(error)
    const { code, message: because = message } = Object(cause)
    const why = code === 'ECONNREFUSED' ? 'nothing listens there (ECONNREFUSED)' : (code ?? because)
    return { kind: 'unknown', why: `unreachable: ${why}` }
  }
}

/** Undefined for what is no JSON: something else than Headgate, or than an answer of it, listens there. */
function unlessOther<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
