import t from 'tap'
import { nextStep, retryPlan } from '../../../src/gateway/deliver/after-outcome.ts'

t.test('what the sink says of a record decides what happens to it', async (t) => {
  const code = 'some_code'
  t.same(nextStep({ kind: 'stored' }), { kind: 'settle' })
  t.same(nextStep({ kind: 'throttled', code }), { kind: 'retry' })
  t.same(nextStep({ kind: 'transient', code }), { kind: 'retry' })
  t.same(nextStep({ kind: 'misconfigured', code }), { kind: 'retry' })
  t.same(nextStep({ kind: 'poison', code }), { kind: 'isolate', reason: code })
})

t.test('where a record that failed waits, and who waits with it', async (t) => {
  const table = [
    // onProbation, fallbackOpen, attempts -> requeue, holdsLane, attempt
    [false, false, 1, 'afterDelay', false, 0],
    [false, false, 4, 'afterDelay', false, 3],
    [false, true, 2, 'afterDelay', false, 1],
    [true, false, 1, 'afterDelay', true, 0],
    [true, false, 9, 'afterDelay', true, 8],
    [true, true, 1, 'now', true, 6],
    [true, true, 9, 'now', true, 6],
  ] as const
  for (const [onProbation, fallbackOpen, attempts, requeue, holdsLane, attempt] of table) {
    const name = `on probation ${onProbation}, fallback open ${fallbackOpen}, sent ${attempts} times`
    t.same(retryPlan({ onProbation, fallbackOpen }, attempts), { requeue, holdsLane, attempt }, name)
  }
})
