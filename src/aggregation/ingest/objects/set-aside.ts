import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lake } from '../../../lake/lake.ts'
import { deadKey, type RawObject } from '../../../lake/layout.ts'
import type { SetAside } from '../index/arrivals.ts'

export interface AsideTools {
  readonly lake: Lake
  /** Local folder of this call. */
  readonly folder: string
}

/** Where what an ingest refuses lies, below `dead/`. */
export const deadSource = (source: string) => `ingest-${source}`

type Place = Omit<RawObject, 'extension'>

/** A line of the object beside what was set aside, in the form of a dead letter: it says why. */
interface WhyLetter {
  readonly reason: 'unreadable_object' | 'broken_object' | 'malformed_line'
  /** The object of `raw/` that it is from, or was. */
  readonly object: string
  readonly detail: string
  /** How many lines of it. */
  readonly lines?: number
}

/** Says why something is called as it is called, with `-why` at its end. First: what lies there is never unexplained. */
async function tellWhy(place: Place, letters: readonly WhyLetter[], lake: Lake): Promise<void> {
  const key = deadKey({
    ...{ ...place, source: deadSource(place.source) },
    ...{ name: `${place.name}-why`, extension: 'ndjson' },
  })
  await lake.put(key, Buffer.from(letters.map((letter) => `${JSON.stringify(letter)}\n`).join('')))
}

/** Where an object of `raw/` lies when it was set aside as a whole. */
const wholeKey = ({ source, ...place }: RawObject): string =>
  deadKey({ ...place, source: deadSource(source) })

/** Copies an object into `dead/`, whatever its size, and says beside it why. The object stays for its remover. */
export async function keepAside(
  { key, ...place }: RawObject & { readonly key: string },
  why: string,
  tools: AsideTools,
): Promise<SetAside> {
  await tellWhy(place, [{ reason: 'unreadable_object', object: key, detail: why }], tools.lake)
  const keptIn = wholeKey(place)
  await copyAside(key, keptIn, tools)
  return { key, why, keptIn }
}

/** What of a batch is no event, by the object that it is from. */
export interface FaultyBatch {
  /** Local file of the lines; undefined when there are none. */
  readonly dead: string | undefined
  /** Whose lines they are. */
  readonly faulty: readonly { readonly key: string; readonly why: string; readonly lines: number }[]
  /** Objects that broke off. */
  readonly damaged: readonly string[]
}

const BROKEN = 'it breaks off, is damaged, or goes on behind its end: what could be read of it was taken in'

/** Keeps lines that were no events, and objects that broke off, before they vanish, under the name of their batch. */
export async function keepFaulty(
  { dead, faulty, damaged }: FaultyBatch,
  place: Place,
  tools: AsideTools,
): Promise<readonly SetAside[]> {
  const linesIn = wholeKey({ ...place, extension: 'ndjson' })
  const found = [
    ...faulty.map((lines): SetAside => ({ ...lines, keptIn: linesIn })),
    ...damaged.map(
      (key, at): SetAside => ({
        ...{ key, why: BROKEN },
        keptIn: wholeKey({ ...place, name: `${place.name}-${at}`, extension: 'ndjson.gz' }),
      }),
    ),
  ]
  if (found.length > 0) await tellWhy(place, found.map(letterOf), tools.lake)
  if (dead !== undefined) await tools.lake.putFile(linesIn, dead)
  for (const { key, keptIn, lines } of found) if (lines === undefined) await copyAside(key, keptIn, tools)
  return found
}

const letterOf = ({ key, why, lines }: SetAside): WhyLetter =>
  lines === undefined
    ? { reason: 'broken_object', object: key, detail: why }
    : { reason: 'malformed_line', object: key, detail: why, lines }

/** Through a local file, so that no object has to fit into memory. */
export async function copyAside(from: string, to: string, { lake, folder }: AsideTools): Promise<void> {
  const file = await lake.open(from)
  if (file === undefined) return
  const copy = join(folder, 'aside')
  try {
    await copyFile(file.path, copy)
    await lake.putFile(to, copy)
  } finally {
    await file.release()
    await rm(copy, { force: true })
  }
}
