import { readFileSync } from 'node:fs'

const NEWLINE = 0x0a

/** Each body after its length and a newline: they may hold any bytes. */
export const bodiesBytes = (bodies: readonly Buffer[]): Buffer =>
  Buffer.concat(bodies.flatMap((body) => [Buffer.from(`${body.length}\n`), body]))

export function readBodies(file: string): readonly Buffer[] {
  const bodies: Buffer[] = []
  for (let rest = readFileSync(file); rest.length > 0; ) {
    const start = rest.indexOf(NEWLINE) + 1
    const end = start + Number(rest.toString('latin1', 0, start))
    bodies.push(rest.subarray(start, end))
    rest = rest.subarray(end)
  }
  return bodies
}

/** Each post takes the next body and the next headers; of that which is fewer, the first comes again. */
export const inTurn = <Each, Other, Post>(
  some: readonly Each[],
  others: readonly Other[],
  postOf: (each: Each, other: Other) => Post,
): readonly Post[] =>
  Array.from({ length: Math.max(some.length, others.length) }, (_, turn) =>
    postOf(some[turn % some.length] as Each, others[turn % others.length] as Other),
  )
