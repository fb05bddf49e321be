import type { Principal } from '../../../http/auth.ts'
import { AppError } from '../../../std/errors.ts'
import { didYouMean } from '../../../std/input/did-you-mean.ts'

/** Those of the configured apps that the token may read; or a refusal, when one is asked about that it is not for. */
export function appsFor(
  asked: string | undefined,
  { mayRead }: Principal,
  configured: readonly string[],
): readonly string[] {
  const apps = configured.filter(mayRead)
  if (asked === undefined || mayRead(asked)) return apps
  throw new AppError('app_not_in_token', `The token is for other apps${didYouMean(asked, apps) || '.'}`)
}
