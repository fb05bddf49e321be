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
      log.warn(
        { rollup, windows },
        'store/ lacks results of another definition, or of events that are gone: they are published again from the lake',
      )
    }
    if (windows === 0 && lacking.delete(rollup))
      log.info({ rollup }, 'store/ has all results of other definitions, and of events that are gone, again')
    if (lost.heldBack > (heldBack.get(rollup) ?? 0))
      log.warn(
        { rollup, windows: lost.heldBack },
        'results are not published again, as events of their time were erased since, or are being erased',
      )
    heldBack.set(rollup, lost.heldBack)
  }
}
