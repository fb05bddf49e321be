import { hash } from 'node:crypto'
import type { AppConfig } from '../../config/schema/config-schema.ts'
import { formsOf, readOrigin } from '../../http/sender/origin.ts'
import { DEV_NAME } from '../../std/id.ts'

/** An app as requests meet it. */
export interface App {
  readonly id: string
  readonly limits: AppConfig['limits']
  readonly ip: AppConfig['privacy']['ip']
  readonly gpc: AppConfig['privacy']['gpc']
  readonly allowQuery: ReadonlySet<string>
  readonly origins: ReadonlySet<string>
}

/** Who may send. Every lookup is a step in a map (for an origin one a label of its host), however many apps there are. */
export interface Registry {
  /** The app of a publishable key, as presented. */
  byKey(presented: string): App | undefined
  /** The app that lists this identifier of a foreign format. It identifies, it never authenticates. */
  byAlias(alias: string): App | undefined
  /** The keyless app for which this Origin alone is enough. */
  byOrigin(origin: string): App | undefined
  /** Whether any app lists the Origin: for preflights and for errors before the app is known. */
  anyOrigin(origin: string): boolean
  /** Whether there is an app called as that of a start without any. */
  isFirstStart(): boolean
  /** Reloads. Requests that were admitted before keep the app they were admitted to. */
  replace(apps: readonly AppConfig[]): void
}

/** The normal forms of a list, which a configuration that was checked has for each entry. */
export const originsOf = (listed: readonly string[]): ReadonlySet<string> =>
  new Set(listed.map(readOrigin).flatMap((origin) => (origin.kind === 'origin' ? [origin.normal] : [])))

/** `null`, the Origin of sandboxed frames and files, is on no list; an app without origins takes none. */
export function originAllowed({ origins }: Pick<App, 'origins'>, origin: string): boolean {
  for (const form of formsOf(origin)) if (origins.has(form)) return true
  return false
}

export const keyDigest = (presented: string): string => hash('sha256', presented, 'hex')

export function createRegistry(apps: readonly AppConfig[]): Registry {
  let index = indexed(apps)
  return {
    byKey: (presented) =>
      presented === '' ? undefined : (index.byPresented.get(presented) ?? index.find(presented)),
    byAlias: (alias) => index.byAlias.get(alias),
    byOrigin(origin) {
      for (const form of formsOf(origin)) {
        const app = index.keyless.get(form)
        if (app !== undefined) return app
      }
      return undefined
    },
    anyOrigin: (origin) => originAllowed(index, origin),
    isFirstStart: () => index.isFirstStart,
    replace(next) {
      index = indexed(next)
    },
  }
}

function indexed(configs: readonly AppConfig[]) {
  const byDigest = new Map<string, App>()
  const byAlias = new Map<string, App>()
  const keyless = new Map<string, App>()
  const origins = new Set<string>()
  for (const config of configs) {
    const app = appOf(config)
    for (const key of config.keys) byDigest.set(key.sha256, app)
    for (const alias of config.aliases) byAlias.set(alias, app)
    for (const origin of app.origins) {
      origins.add(origin)
      if (config.keyless) keyless.set(origin, app)
    }
  }
  // A key is hashed once: the configuration holds digests, and no more keys are remembered than it holds.
  const byPresented = new Map<string, App>()
  const find = (presented: string): App | undefined => {
    const app = byDigest.get(keyDigest(presented))
    if (app !== undefined) byPresented.set(presented, app)
    return app
  }
  const isFirstStart = configs.some(({ id }) => id === DEV_NAME)
  return { byPresented, find, byAlias, keyless, origins, isFirstStart }
}

function appOf({ id, limits, origins, privacy }: AppConfig): App {
  const { ip, gpc, allowQuery } = privacy
  return {
    id,
    limits,
    ip,
    gpc,
    allowQuery: new Set(allowQuery),
    origins: originsOf(origins),
  }
}
