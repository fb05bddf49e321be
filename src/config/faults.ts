export interface Fault {
  /** Dotted, as in the file: `gateway.listen.port`. */
  readonly path: string
  readonly message: string
}

export const faultIf = (broken: boolean, path: string, message: string): Fault[] =>
  broken ? [{ path, message }] : []

/** A check that each value it is given is new. */
export function unique(): (value: string, path: string, what: string) => Fault[] {
  const seen = new Set<string>()
  return (value, path, what) => {
    const faults = faultIf(seen.has(value), path, `${what} is used twice`)
    seen.add(value)
    return faults
  }
}
