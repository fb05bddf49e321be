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

/** The variable that a value came from. */
export interface ValueSource {
  readonly variable: string
  /** It, with a value that is right; a group has none, but a variable for each of its keys. */
  readonly example: string | undefined
}

/** As a person is told: the key, and the variable that it came from. */
export function faultLine({ path, message }: ConfigFault, sources: ReadonlyMap<string, ValueSource>): string {
  // A key has later places than the group that it is in.
  const [, source] = [...sources].findLast(([key]) => isWithin(path, key)) ?? []
  return source === undefined
    ? `  ${path || 'the file'}: ${message}`
    : `  ${source.variable} (${path}): ${message}`
}
