import { hash } from 'node:crypto'
import type { Lake } from '../../../lake/lake.ts'
import { deadKey, quarantinedName, rawKey } from '../../../lake/layout.ts'
import { copyAside, deadSource } from '../objects/set-aside.ts'
import type { TokenOutcome } from './attribution.ts'
import type { DeadLetters } from './dead-letters.ts'
import { type DirectObject, type ObjectReading, type ObjectReadTools, readObject } from './read-object.ts'

export interface TakeTools extends ObjectReadTools {
  readonly lake: Lake
}

export interface TakenObject {
  /** Events that were stored, by what came of the token of their record. */
  readonly stored: ReadonlyMap<TokenOutcome, number>
  readonly clockReplaced: number
  readonly rejected: DeadLetters['counts']
  /** Where the object lies, whole, if it could not be read to its end. */
  readonly keptIn: string | undefined
}

/**
 * Moves what an object of the quarantine holds to where engines read it, judged. The same object gives the same lines
 * under the same key, so it can be done again after a crash at any step; if the lines were compacted meanwhile, their key
 * is in the index, and they are not counted twice. Undefined when another was faster.
 */
export async function takeObject(object: DirectObject, tools: TakeTools): Promise<TakenObject | undefined> {
  const { lake } = tools
  const file = await lake.open(object.key)
  if (file === undefined) return undefined
  let reading: ObjectReading
  try {
    reading = await readObject(object, file.path, tools)
  } finally {
    await file.release()
  }
  const { deadLetters, tally, path } = reading
  // By the whole key: it tells an object from one that differs in its ending, and from what an ingest writes.
  const id = hash('sha256', object.key, 'hex').slice(0, 32)
  const name = `q-${id}`
  const place = { arrivalMs: object.arrivalMs, name, extension: 'ndjson' } as const
  const dead = deadLetters.body()
  if (dead) await lake.put(deadKey({ ...place, source: deadSource(object.source) }), dead)
  const keptIn = tally.isBroken ? await keepWhole(object, name, tools) : undefined
  const { source, storedMs } = object
  const stored = { ...place, source, name: quarantinedName(id, storedMs) }
  if (tally.stored.size > 0) await lake.putFile(rawKey(stored), path)
  await lake.remove([object.key])
  return { ...tally, rejected: deadLetters.counts, keptIn }
}

/** As what cannot be read cannot be scrubbed, it is as it was. */
async function keepWhole(object: DirectObject, name: string, tools: TakeTools): Promise<string> {
  const { arrivalMs, extension } = object
  const source = deadSource(object.source)
  const key = deadKey({ arrivalMs, source, name: `${name}-whole`, extension })
  await copyAside(object.key, key, tools)
  return key
}
