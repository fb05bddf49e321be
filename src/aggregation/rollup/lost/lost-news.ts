import type { Logger } from '../../../std/telemetry.ts'
import type { LostOfRollup } from './lost-windows.ts'

/** Tells operators, after each look, what only manifests know of and the store lacks: at the beginning and at the end. */
export function createLostNews(log: Logger) {
  const lacking = new Set<string>()
  const heldBack = new Map<string, number>()

  return (rollup: string, lost: LostOfRollup): void => {
    const windows = lost.toPublish.length
    if (windows > 0 && !lacking.has(rollup)) {
      lacking.add(rollup)
      log.info(
        { rollup, windows },
        'store/ lacks results that only manifests know of, empty ones among them: they are published again',
      )
    }
    if (windows === 0 && lacking.delete(rollup))
      log.info({ rollup }, 'store/ has all results that only manifests know of')
    if (lost.heldBack > (heldBack.get(rollup) ?? 0))
      log.warn(
        { rollup, windows: lost.heldBack },
        'results are not published again, as events of their time were erased since, or are being erased',
      )
    heldBack.set(rollup, lost.heldBack)
  }
}
