import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Asset {
  readonly body: Buffer
  readonly type: string
  /** Quoted, as the header wants it. */
  readonly etag: string
}

/** By file name. Read once: a request names a key of this map, never a path. */
export type Assets = ReadonlyMap<string, Asset>

export interface AssetSource {
  readonly dir: string
  /** Which of its files; all by default. */
  readonly only?: readonly string[]
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const here = (folder: string): string => fileURLToPath(new URL(folder, import.meta.url))

/** The files of the dashboard, and the chart library from its package: nothing is built, nothing comes from elsewhere. */
export const dashboardSources = (): readonly AssetSource[] => [
  { dir: here('./assets/') },
  { dir: here('./assets/styles/') },
  {
    dir: join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist'),
    only: ['uPlot.esm.js', 'uPlot.min.css'],
  },
]

/** Files of other types are left out. */
export async function loadAssets(sources: readonly AssetSource[]): Promise<Assets> {
  const assets = new Map<string, Asset>()
  for (const { dir, only } of sources) {
    for (const name of only ?? (await readdir(dir))) {
      const type = types[extname(name)]
      if (type === undefined) continue
      const body = await readFile(join(dir, name))
      const digest = createHash('sha256').update(body).digest('base64url')
      assets.set(name, { body, type, etag: `"${digest.slice(0, 22)}"` })
    }
  }
  return assets
}
