import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { createYielder, runYielding } from '../../../std/async/yielding.ts'
import { FILE_MODE } from '../../../std/files/files.ts'
import { isGzip } from '../compact/gunzip.ts'
import { isInflateError } from '../compact/inflate-files.ts'
import {
  isTooLarge,
  type Line,
  MAX_DIRECT_RECORD_BYTES,
  MAX_OBJECT_BYTES,
  type ObjectContent,
  objectLines,
} from '../quarantine/object-lines.ts'
import type { EraseTools, Find, Finds } from './erase-tools.ts'
import { linePlace, mentionIn } from './mentions.ts'

/** Looks for lines in an object that no ingest has taken in, or that was set aside. */
export async function findLines(key: string, finds: Finds, tools: EraseTools): Promise<void> {
  const found: Find[] = []
  const why = await reading(key, tools, async (content) => {
    const breath = createYielder(tools.signal)
    for await (const line of linesOf(content)) {
      if (line.isTooLong) return `A line of it has more than ${MAX_DIRECT_RECORD_BYTES} bytes`
      const mention = await runYielding(mentionIn(line.bytes, tools.target, linePlace(key)), breath)
      if (mention !== undefined) found.push({ rows: 1, ...mention })
    }
    return undefined
  })
  // What cannot be read to its end cannot be written anew either.
  if (why !== undefined) finds.unsearched(key, why)
  else for (const find of found) finds.add(key, find)
}

/** Puts the object in its own place without those lines; one that has no other is removed. Repeatable after any crash. */
export async function eraseLines(key: string, tools: EraseTools): Promise<string | undefined> {
  const { lake, folder, target } = tools
  const path = join(folder, 'kept')
  const tally = { kept: 0, erased: 0 }
  const why = await reading(key, tools, async (content) => {
    const breath = createYielder(tools.signal)
    async function* kept(): AsyncGenerator<Buffer> {
      for await (const { bytes } of linesOf(content)) {
        const mention = await runYielding(mentionIn(bytes, target, linePlace(key)), breath)
        const isErased = mention !== undefined
        tally[isErased ? 'erased' : 'kept'] += 1
        if (!isErased) yield Buffer.concat([bytes, LINE_END])
      }
    }
    const written = createWriteStream(path, { mode: FILE_MODE })
    if (content.isGzip) await pipeline(kept, createGzip(), written)
    else await pipeline(kept, written)
    return undefined
  })
  if (why !== undefined || tally.erased === 0) await rm(path, { force: true })
  else if (tally.kept === 0) await lake.remove([key])
  else await lake.putFile(key, path)
  return why
}

const LINE_END = Buffer.from('\n')

async function* linesOf(content: ObjectContent): AsyncGenerator<Line> {
  for await (const { lines } of objectLines(content, () => false)) yield* lines
}

/** Answers why not all of it could be read. */
async function reading(
  key: string,
  { lake }: EraseTools,
  work: (content: ObjectContent) => Promise<string | undefined>,
): Promise<string | undefined> {
  const file = await lake.open(key)
  if (file === undefined) return undefined
  const read = async () => work({ path: file.path, isGzip: await isGzip(file.path, key.endsWith('.gz')) })
  try {
    return await read().catch(whyUnread)
  } finally {
    await file.release()
  }
}

function whyUnread(error: unknown): string {
  if (isTooLarge(error)) return `It has more than ${MAX_OBJECT_BYTES} bytes`
  if (isInflateError(error)) return 'It breaks off, or is damaged'
  throw error
}
