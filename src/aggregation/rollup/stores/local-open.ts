import { join } from 'node:path'
import { nodeFiles, unlessAbsent } from '../../../std/files/files.ts'
import { type LocalStoreOptions, localStore } from './local-store.ts'
import type { OpenStore } from './store.ts'

/** In a folder of their own, so that nothing takes them for windows that are committed. */
export function localOpenStore(options: Pick<LocalStoreOptions, 'dir' | 'files' | 'log'>): OpenStore {
  const { dir, files = nodeFiles } = options
  const { publish, contents, series } = localStore(options)
  const namesIn = async (folder: string) => (await unlessAbsent(files.readdir(folder))) ?? []
  async function forget(rollup: string, beforeMs: number): Promise<void> {
    for (const day of await namesIn(join(dir, rollup))) {
      const folder = join(dir, rollup, day)
      // Whatever lies beside a window begins with its start as well.
      const old = (await namesIn(folder)).filter((name) => Number.parseInt(name, 10) < beforeMs)
      for (const name of old) await unlessAbsent(files.unlink(join(folder, name)))
    }
  }

  return {
    ...{ publish, contents, series, forget },
    async clear() {
      for (const rollup of await namesIn(dir)) await forget(rollup, Number.POSITIVE_INFINITY)
    },
  }
}
