import type { Lake } from '../../lake/lake.ts'
import { parseManifestKey } from '../../lake/layout.ts'
import type { RollupDefinition } from './definition.ts'
import { definitionPrefix, type Manifest } from './manifest.ts'

/** Files of an attempt that no manifest names are kept this long: no run takes longer to commit. Ours. */
const KEPT_MS = 86_400_000

/** Removes what attempts left that never committed; answers how many objects. */
export async function sweepOutputs(lake: Lake, definition: RollupDefinition, nowMs: number): Promise<number> {
  const objects = await lake.list(definitionPrefix(definition))
  const manifests = objects.filter(({ key }) => parseManifestKey(key) !== undefined)
  const named = new Set<string>()
  for (const { key } of manifests) {
    named.add(key)
    for (const output of await outputsOf(lake, key)) named.add(output)
  }
  const garbage = objects.filter(({ key, modifiedMs }) => !named.has(key) && modifiedMs < nowMs - KEPT_MS)
  await lake.remove(garbage.map(({ key }) => key))
  return garbage.length
}

/** A manifest that cannot be read stops the sweep: what it names is not known. */
async function outputsOf(lake: Lake, key: string): Promise<string[]> {
  const manifest = JSON.parse(String(await lake.get(key))) as Manifest
  return manifest.outputs.map((output) => output.key)
}
