import { test } from 'tap'
import { NO_COUNTS, type WindowPlan } from '../../../../src/aggregation/rollup/engines/engine.ts'
import { computeLocated } from '../../../../src/aggregation/rollup/engines/located-inputs.ts'
import { AppError } from '../../../../src/std/errors.ts'

const plan = {
  definition: { id: 'd', grainMs: 1, sets: [], bots: 'exclude' as const, maxMetrics: 1, maxValues: 1 },
  ...{ fromMs: 0, toMs: 1, lateAfterMs: 1, inputs: ['a', 'b'] },
}

test('a window is computed from where its inputs lie, and once more where that has changed meanwhile', async (t) => {
  const missing = new AppError('input_missing', 'b is not in the lake')
  const cases = [
    { places: ['j'], fails: [], read: [['j']] },
    { places: ['a', 'b'], anew: ['j'], fails: [missing], read: [['a', 'b'], ['j']] },
    { places: ['a', 'b'], anew: ['a', 'b'], fails: [missing], read: [['a', 'b']], ends: missing },
    { places: ['a'], anew: ['j'], fails: [missing, missing], read: [['a'], ['j']], ends: missing },
    ...[new AppError('cancelled', 'no'), new TypeError('ours')].map((error) => ({
      ...{ places: ['a'], anew: ['j'], fails: [error], read: [['a']], ends: error },
    })),
  ] as readonly {
    readonly places: string[]
    readonly anew?: string[]
    readonly fails: readonly Error[]
    readonly read: readonly string[][]
    readonly ends?: Error
  }[]
  for (const { places, anew = [], fails, read, ends } of cases) {
    const plans: WindowPlan[] = []
    const failures = [...fails]
    let prefixes = 0
    const computed = computeLocated(
      {
        engine: {
          async compute(each) {
            plans.push(each)
            const failure = failures.shift()
            if (failure !== undefined) throw failure
            return { outputs: [], counts: NO_COUNTS }
          },
        },
        locate: async (keys, how) => {
          t.same(keys, plan.inputs)
          return how?.anew === true ? anew : places
        },
      },
      { ...plan, nextPrefix: () => `p${++prefixes}/` },
      new AbortController().signal,
    )
    if (ends === undefined) await computed
    else await t.rejects(computed, ends)
    t.same(
      plans.map(({ inputs }) => inputs),
      read,
    )
    t.same(
      plans.map(({ outputPrefix }) => outputPrefix),
      read.map((_, at) => `p${at + 1}/`),
    )
  }
})

test('who has been cancelled does not look where the inputs lie', async (t) => {
  const life = new AbortController()
  const engine = {
    async compute() {
      life.abort()
      throw new AppError('engine_failed', 'ended')
    },
  }
  const locate = async () => ['a']
  await t.rejects(computeLocated({ engine, locate }, { ...plan, nextPrefix: () => '' }, life.signal), {
    code: 'engine_failed',
  })
})
