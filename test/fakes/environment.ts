import type { Test } from 'tap'

/**
 * Variables of this process for the time of a test. The SDK of AWS has no other way to be told some things. They are put back
 * one by one: what stands in the place of `process.env` is no environment, and all that runs here later would have it.
 */
export function withEnvironment(t: Test, own: Readonly<Record<string, string | undefined>>): void {
  const before = Object.fromEntries(Object.keys(own).map((name) => [name, process.env[name]]))
  const set = (values: Readonly<Record<string, string | undefined>>) => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  set(own)
  t.teardown(() => set(before))
}
