import { AppError } from '../../std/errors.ts'
import type { Logger } from '../../std/telemetry.ts'

/**
 * `engines` of package.json says the same to npm. The first release of each line without the holes that were closed on
 * 2026-03-24, among them CVE-2026-21717: keys of JSON
 * that look like numbers collide, so that a small body costs seconds. Lines in between never got the fixes, and 20 gets no
 * more of them since its end of life (2026-04-30).
 * https://www.cve.org/CVERecord?id=CVE-2026-21717
 */
const FIRST_SAFE: Readonly<Record<number, readonly [minor: number, patch: number]>> = {
  22: [22, 2],
  24: [14, 1],
  25: [8, 2],
}
const LAST_LISTED = 25

/** Whether that Node, as 24.14.1, has them. */
export function isSafeRuntime(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  if (major > LAST_LISTED) return true
  const [safeMinor, safePatch] = FIRST_SAFE[major] ?? [Number.POSITIVE_INFINITY, 0]
  return minor > safeMinor || (minor === safeMinor && patch >= safePatch)
}

/** As of this release of 22 all is there that the code uses; `@types/node` is of it. */
const OLDEST = { major: 22, minor: 15 }

/** Whether the code is made for that Node, which may have holes all the same. */
function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOfALine = major > LAST_LISTED || FIRST_SAFE[major] !== undefined
  return isOfALine && (major > OLDEST.major || minor >= OLDEST.minor)
}

/** Workers on a Node that the code is not made for bind nothing, and say nothing. */
export function refuseWorkersOn(version: string): void {
  if (isSupported(version)) return
  throw new AppError(
    'invalid_request',
    `Workers need Node 24 (24.14.1 or later), or 22 from 22.22.2 on, and this is Node ${version}: in a clone, ./scripts/with-node before the command brings one from npm; elsewhere https://nodejs.org/en/download has it`,
  )
}

/** Said, and served all the same: a service that does not start is an outage, and the machine may be out of reach. */
export function warnOfRuntime(version: string, log: Logger): void {
  if (isSafeRuntime(version)) return
  if (isSupported(version))
    log.warn(
      { node: version },
      'this Node has known security holes: use 24.14.1, 22.22.2 or a later one of its line',
    )
  else
    log.warn(
      { node: version },
      'this Node is not supported, and has known security holes: use 24.14.1, 22.22.2 or a later one of its line',
    )
}
