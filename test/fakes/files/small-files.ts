import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

/** What lies in the folder, and what of it is read in one go. */
export function manyKinds(t: Test) {
  const dir = t.testdir({ one: 'first', empty: '', two: 'second', large: 'x'.repeat(65_537), folder: {} })
  symlinkSync(join(dir, 'two'), join(dir, 'link'))
  symlinkSync(join(dir, 'none'), join(dir, 'dangling'))
  execFileSync('mkfifo', [join(dir, 'pipe')])
  const names = ['one', 'none', 'empty', 'large', 'folder', 'two', 'pipe', 'link', 'dangling']
  const read = { one: 'first', empty: '', two: 'second', link: 'second' }
  return { paths: names.map((name) => join(dir, name)), read: Object.entries(read), dir }
}
