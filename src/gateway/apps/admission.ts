import { AppError } from '../../std/errors.ts'
import { originRefused } from './origin-refusal.ts'
import { type App, originAllowed, type Registry } from './registry.ts'

/** Everything by which a request says whose it is. */
export interface Claims {
  /** The apps of the keys presented, in order: header, query, path. Unknown keys are not among them. */
  readonly keyed: readonly App[]
  /** Whether a key was presented, known or not. */
  readonly hasKey?: boolean
  /** The identifier inside the body. */
  readonly alias?: string | undefined
  /** The Origin header. `null` is one, too. */
  readonly origin?: string | undefined
  /** The origin of the page that shows a picture of ours, where there is no Origin header. */
  readonly page?: string | undefined
}

const OF_FIRST_START = '`headgate key show-dev` prints the one of a first start; '
const TO_GET_ONE = '`headgate key new` makes one, and says what of it goes into the configuration.'
/** The same whatever the Origin, as is the other: nothing can be tried out by it but the key that came. */
const NO_KEY =
  'No key came with the request. It is looked for in the headers x-headgate-key and x-api-key and in ?key= of the URL, and nowhere else: not in ?api_key=, not in authorization.'
const KEY_NOT_KNOWN =
  'A key came with the request, and no app here has it. It must stand in x-headgate-key, x-api-key or ?key= as it is, without quotes and without "Bearer"; a token of the admin port is none.'

/**
 * The app of a request as far as its head says it, before anything of its body is read. Throws what `admit` would throw
 * whatever the body said; undefined where only an alias in the body can tell.
 */
export function admitByHead(claims: Claims, carriesAlias: boolean, registry: Registry): App | undefined {
  const { keyed, origin } = claims
  const mayBeAliased = carriesAlias && keyed.length === 0 && origin !== undefined
  return mayBeAliased && registry.anyOrigin(origin) ? undefined : admit(claims, registry)
}

/**
 * The one app that a request is for. Unknown keys and aliases are skipped: clients send identifiers that were never meant
 * for us. What is known must agree, and a browser's Origin must be on that app's list; a sender without one is no browser.
 * A page that shows a picture is held to the list as well, unless there is none: pictures in mails are on no page.
 */
export function admit({ keyed, hasKey, alias, origin: stated, page }: Claims, registry: Registry): App {
  const origin = stated ?? page
  const aliased = alias === undefined ? undefined : registry.byAlias(alias)
  const named = aliased === undefined ? keyed : [...keyed, aliased]
  // An Origin speaks only when nothing else did: a site may serve an app with a key beside a keyless one.
  const [app = origin === undefined ? undefined : registry.byOrigin(origin)] = named

  if (app === undefined) {
    const toGetOne = `${registry.isFirstStart() ? OF_FIRST_START : ''}${TO_GET_ONE}`
    throw new AppError('unknown_key', `${hasKey === true ? KEY_NOT_KNOWN : NO_KEY} ${toGetOne}`)
  }
  if (named.some((other) => other !== app)) {
    throw new AppError('conflicting_apps', 'Keys and aliases in this request belong to different apps.')
  }
  if (origin !== undefined && !originAllowed(app, origin) && (stated !== undefined || app.origins.size > 0)) {
    throw originRefused(app.id, origin)
  }
  if (keyed.length === 0 && origin === undefined) {
    throw new AppError(
      'unknown_key',
      'An alias identifies an app; it needs a key or a listed Origin beside it.',
    )
  }
  return app
}
