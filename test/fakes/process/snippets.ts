import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'

/** The address that our pages write for a gateway. */
export const EXAMPLE_GATEWAY = 'https://beacons.example.com'

/** A block of a page that is marked with `<!-- runs: NAME -->`, word for word. */
export const snippet = (page: string, name: string): string => marked(page, `runs: ${name}`)

/** What the page says that a block is answered, marked with `<!-- answers: NAME -->`. */
export const answer = (page: string, name: string): string => marked(page, `answers: ${name}`)

function marked(page: string, mark: string): string {
  const [, after = ''] = readFileSync(page, 'utf8').split(`<!-- ${mark} -->\n`)
  const [, code] = /^```\w*\n(.*?)^```$/ms.exec(after) ?? []
  if (code === undefined || !after.startsWith('```')) throw new Error(`${page} has no ${mark}`)
  return code
}

/** The names of all that are marked. */
export const snippetNames = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/<!-- runs: (\S+) -->/g)].map(([, name = '']) => name)

/** The commands of a block of docs/operations.md, run in a folder as they stand there, with the program by its name. */
export function ranInShell(
  t: Test,
  name: string,
  at: { readonly cwd: string; readonly env?: object },
): string {
  const bin = mkdtempSync(join(tmpdir(), 'headgate-bin-'))
  t.teardown(() => rmSync(bin, { recursive: true }))
  const program = join(bin, 'headgate')
  writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${resolve('src/main.ts')} "$@"\n`)
  chmodSync(program, 0o755)
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, ...at.env }
  return String(execFileSync('sh', ['-euc', snippet('docs/operations.md', name)], { cwd: at.cwd, env }))
}
