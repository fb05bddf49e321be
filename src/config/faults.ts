export interface ConfigFault {
  /** Dotted, as in the file: `gateway.listen.port`. */
  readonly path: string
  readonly message: string
  /** Other keys that it is about: when one of them has a fault of its own, this one may only follow from that. */
  readonly also?: readonly string[]
}

export const faultIf = (
  broken: boolean,
  path: string,
  message: string,
  also: readonly string[] = [],
): ConfigFault[] => (broken ? [{ path, message, also }] : [])

/** A check that each value it is given is new. */
export function unique(): (value: string, path: string, what: string) => ConfigFault[] {
  const firsts = new Map<string, string>()
  return (value, path, what) => {
    const first = firsts.get(value)
    if (first === undefined) firsts.set(value, path)
    return faultIf(first !== undefined, path, `${what} is used twice (first at ${first})`)
  }
}

/** Those that do not only follow from others: of a part whose shape is wrong no rule can be trusted. */
export const independent = (faults: readonly ConfigFault[], shapes: readonly ConfigFault[]): ConfigFault[] =>
  faults.filter(({ path, also = [] }) =>
    [path, ...also].every(
      (each) => !shapes.some((shape) => isWithin(each, shape.path) || isWithin(shape.path, each)),
    ),
  )

const isWithin = (path: string, part: string): boolean => path === part || path.startsWith(`${part}.`)

/** As a person is told: the key, and the variable that it came from. */
export function faultLine({ path, message }: ConfigFault, variables: ReadonlyMap<string, string>): string {
  for (const [key, variable] of variables) {
    if (isWithin(path, key)) return `  ${variable} (${path}): ${message}`
  }
  return `  ${path || 'the file'}: ${message}`
}
