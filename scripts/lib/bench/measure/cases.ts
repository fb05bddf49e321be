import type { BenchOptions } from './options.ts'
import { medians, type Result } from './result.ts'

/** Something that gives one result. */
export interface Case {
  readonly name: string
  run(): Promise<Omit<Result, 'case'>>
}

/** All of them `repeat` times, each round in the same order: whatever else the machine does then meets all cases alike. */
export async function runAll(
  cases: readonly Case[],
  { only, repeat }: Pick<BenchOptions, 'only' | 'repeat'>,
  onResult: (result: Result) => void,
): Promise<readonly Result[]> {
  const wanted = cases.filter(({ name }) => only.length === 0 || only.some((text) => name.includes(text)))
  const results: Result[] = []
  for (let nth = 0; nth < repeat; nth++) {
    for (const { name, run } of wanted) {
      // One case that fails must not cost the results of the others.
      const outcome = await run().catch((error: Error) => ({ figures: {}, faults: [error.message] }))
      const result = { case: name, ...outcome }
      results.push(result)
      onResult(result)
    }
  }
  return medians(results)
}
