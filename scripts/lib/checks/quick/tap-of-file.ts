// What test files that share a process get when they import tap: the test that is the file which runs now. They use no more
// of tap than is exported here; another name fails the file that asks for it.
import type { Test } from 'tap'

let now: Test

/** Bound anew for each file: whoever imports it sees that, and what failed was called by the file, not from here. */
export let test: Test['test']

export function runsNow(file: Test): void {
  now = file
  test = file.test.bind(file)
}

/** tap itself, as far as a file sets it up for all of its tests. */
// biome-ignore lint/style/noDefaultExport: tap has one
export default new Proxy({} as Test, {
  get(_, name) {
    const value = Reflect.get(now, name)
    return typeof value === 'function' ? value.bind(now) : value
  },
  set: (_, name, value) => Reflect.set(now, name, value),
})
