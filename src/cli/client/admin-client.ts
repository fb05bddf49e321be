import type { Config } from '../../config/parse.ts'
import { NO_ROUTE } from '../../http/problems.ts'
import { type AdminAnswer, type AdminQuestion, askAdminListener } from '../../std/admin-request.ts'
import { AppError } from '../../std/errors.ts'
import { didYouMean } from '../../std/input/did-you-mean.ts'
import { devToken } from '../setup/dev-app.ts'
import type { Flags, Option } from '../terminal/command.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** Where `tokenOf` looks. */
export const TOKEN_DEFAULT = 'HEADGATE_TOKEN; where that is not set, the token of dev.json'

/** How commands find the private listener, and are believed there. `listener` is asked by default. */
export const adminOptions = (listener: string): Readonly<Record<string, Option>> => ({
  url: {
    type: 'string',
    value: 'URL',
    help: 'Ask this address, such as http://127.0.0.1:8081.',
    byDefault: listener,
  },
  'token-env': {
    type: 'string',
    value: 'NAME',
    help: 'The variable that holds the token.',
    byDefault: TOKEN_DEFAULT,
  },
})

const TIMEOUT_MS = 5_000
const NO_TOKEN =
  'None was sent: put one into HEADGATE_TOKEN, or name the variable that holds it by --token-env.'

/** What `--url` says, if it says something. Who asks is told by a token, and nowhere in an address: others see that. */
export function urlFlag({ url }: Flags): string | undefined {
  if (url === undefined) return undefined
  if (/[@?#]/.test(String(url)))
    throw new AppError(
      'invalid_request',
      '--url must be an address alone, as in --url http://127.0.0.1:8081, without a user, a password or a query',
    )
  if (/^https?:\/\//.test(String(url)) && URL.canParse(String(url))) return String(url)
  // What is no URL is not repeated: it may hold a password, wherever the `@` is that was meant.
  throw new AppError('invalid_request', '--url must be a URL such as http://127.0.0.1:8081; this is none')
}

/** Never an option: others see the command line of a process. */
export async function tokenOf(flags: Flags, config: Config, { env }: Terminal): Promise<string | undefined> {
  const name = flags['token-env']
  if (name === undefined) return filled(env['HEADGATE_TOKEN']) ?? (await devToken(config))
  const token = filled(env[String(name)])
  if (token !== undefined) return token
  const why =
    env[String(name)] === undefined
      ? `there is no ${name}${didYouMean(String(name), Object.keys(env))}`
      : `${name} is empty`
  throw new AppError(
    'invalid_request',
    `--token-env must name a variable that is set, as in --token-env HEADGATE_TOKEN; ${why}`,
  )
}

/** One that is empty is what is made of one that is not set, as `HEADGATE_TOKEN=$OTHER` does. */
const filled = (token = ''): string | undefined => (token.trim() === '' ? undefined : token)

export const ASKING = { timeoutMs: TIMEOUT_MS, noToken: ` ${NO_TOKEN}` } as const

/** An answer that is none. */
export type Unanswered = Exclude<AdminAnswer<unknown>, { readonly kind: 'known' }>

const NOBODY_THERE =
  'Check that Headgate runs there (`headgate serve` starts one, and says where it listens), and the address: it is that of --url, or of the configuration (--config, HEADGATE_CONFIG).'
const SOMEBODY_ELSE =
  'What listens there is not the private listener of Headgate: check the port. It is that of --url, or aggregation.listen (8081 by default); gateway.listen (8080) is the public one.'

/** What to check where none of those that were asked has answered as Headgate does: a line, or nothing. */
export function adviceOn(answers: readonly Pick<Unanswered, 'kind' | 'why'>[]): string {
  if (answers.some(({ kind, why }) => kind === 'strange' || why.includes(NO_ROUTE)))
    return `${SOMEBODY_ELSE}\n`
  return answers.every(({ kind }) => kind === 'unreachable') ? `${NOBODY_THERE}\n` : ''
}

/** Asks as long as a person waits. */
export const askAdmin = <T>(
  question: Omit<AdminQuestion<T>, 'timeoutMs' | 'noToken'>,
): Promise<AdminAnswer<T>> => askAdminListener({ ...question, ...ASKING })
