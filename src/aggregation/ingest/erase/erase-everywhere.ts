import type { Lake, LakeObject } from '../../../lake/lake.ts'
import { parseDeadKey, parseQuarantineKey, parseRawKey } from '../../../lake/layout.ts'
import { eraseLines, findLines } from './erase-lines.ts'
import { eraseRows, findRows } from './erase-rows.ts'
import type { EraseTools } from './erase-tools.ts'
import type { Erasure } from './erasure-record.ts'
import { gatheredFinds } from './gathered-finds.ts'

/** A policy that allows what is needed lets nobody list all of `quarantine/`. */
const PLACES = ['raw/', 'quarantine/direct-', 'dead/'] as const

/**
 * Takes out of the lake what is of the erasure, until a look at all that lay in it when this began finds nothing: somebody
 * who goes on sending would never let a look at what came since find nothing. What is found is written down before anything
 * of it goes, so whoever goes on after a crash knows of each row that went, and of each but once.
 */
export async function eraseEverywhere(
  begun: Erasure,
  tools: EraseTools,
  save: (erasure: Erasure) => Promise<void>,
): Promise<Erasure> {
  let erasure = begun
  let left = begun.objects
  const objects = await objectsFor(begun, tools.lake)
  const staying = new Map<string, string>()
  for (;;) {
    for (const { key } of left) {
      tools.signal.throwIfAborted()
      const why = await (isParquet(key) ? eraseRows(key, tools) : eraseLines(key, tools))
      if (why !== undefined) staying.set(key, why)
    }
    const found = await search(
      erasure,
      objects.filter(({ key }) => !staying.has(key)),
      tools,
    )
    const more = found.together()
    left = more.objects.slice(erasure.objects.length)
    erasure = {
      ...more,
      unsearched: [...more.unsearched, ...Array.from(staying, ([key, why]) => ({ key, why }))],
    }
    if (left.length === 0 || erasure.dryRun) return erasure
    await save(erasure)
  }
}

async function search(erasure: Erasure, objects: readonly LakeObject[], tools: EraseTools) {
  const finds = gatheredFinds(erasure)
  await findRows(
    objects.filter(({ key }) => isParquet(key)),
    finds,
    tools,
  )
  for (const { key } of objects.filter((object) => !isParquet(object.key))) {
    tools.signal.throwIfAborted()
    await findLines(key, finds, tools)
  }
  return finds
}

const isParquet = (key: string): boolean => key.endsWith('.parquet')

async function objectsFor({ app }: Erasure, lake: Pick<Lake, 'list'>): Promise<readonly LakeObject[]> {
  const found: LakeObject[] = []
  for (const place of PLACES) found.push(...(await lake.list(place)))
  return found.filter(({ key }) => mayBeOf(app, key))
}

/** Whose the records of a direct stream are, their folder says. */
function mayBeOf(app: string, key: string): boolean {
  const { source } = parseRawKey(key) ?? parseQuarantineKey(key) ?? parseDeadKey(key) ?? { source: '' }
  const [, direct] = /^(?:ingest-)?direct-(.+)$/.exec(source) ?? []
  return direct === undefined || direct === app
}
