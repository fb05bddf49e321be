import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openDuckdb, placesIn, sharedSession } from '../../../fakes/aggregation/sessions.ts'

/** A session for all tests of a file, and what puts lines where it reads them. */
export async function linesOnDisk(t: Test) {
  const places = placesIn(t.testdir({ lake: {}, temp: {} }))
  const session = await (await sharedSession(t, places))(new AbortController().signal)
  async function stored(name: string, content: string) {
    const path = join(places.lakeDir, name)
    await writeFile(path, content)
    return [{ path, gzip: false }]
  }
  /** A session of its own, with so much memory. */
  const openOf = (memoryBytes: number) => openDuckdb(places, memoryBytes)(new AbortController().signal)
  return { session, folder: places.tempDir, stored, openOf }
}
