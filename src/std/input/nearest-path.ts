import { nearestOf } from './did-you-mean.ts'

/** Longer ones are nobody's slip, and comparing them is work for whoever asks. Ours: paths of routes have half of it. */
const MAX_PATH_CHARS = 64

/**
 * The path of a route that somebody who wrote another one most likely meant, or undefined where none is near: by all of it,
 * else by its last name, as what stands before that is forgotten or added (`/events`, `/api/v1/events`). A last name that
 * there is counts for more than a path that is near by another one.
 */
export function nearestPathOf(routes: readonly string[]): (written: string) => string | undefined {
  const named = routes.filter((route) => lastName(route) !== '')
  const ofPath = nearestOf(named)
  // The first of several with one name.
  const byName = new Map(named.map((route) => [lastName(route), route] as const).reverse())
  const ofName = nearestOf(byName.keys())
  return (written) => {
    if (written.length > MAX_PATH_CHARS) return undefined
    const [near, name] = [ofPath(written), lastName(written)]
    if (near !== undefined && (lastName(near) === name || !byName.has(name))) return near
    return byName.get(ofName(name) ?? '')
  }
}

/** Without parameters. */
const lastName = (path: string): string =>
  path.split('/').findLast((part) => part !== '' && !part.startsWith(':')) ?? ''
