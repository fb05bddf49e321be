import { test } from 'tap'
import { createByteBudget, GRACE_MS, type Holder } from '../../../src/gateway/collect/memory-budget.ts'
import type { AppError } from '../../../src/std/errors.ts'
import { fakeClock } from '../../fakes/clock.ts'

const MIB = 1_048_576
const nobody: Holder = { address: undefined, app: undefined }

function budgetOf(limitBytes: number) {
  const clock = fakeClock()
  const budget = createByteBudget(limitBytes, clock)
  const gone: string[] = []
  /** A body that arrives, by its name. */
  const arriving = (name: string, bytes: number, holder: Holder = nobody) => {
    const lease = budget.lease(holder)
    lease.arriving(({ code }: AppError) => gone.push(`${name}: ${code}`))
    lease.grow(bytes)
    return lease
  }
  return { budget, clock, gone, arriving }
}

test('requests share one budget; what does not fit is refused and takes nothing', async (t) => {
  const { budget } = budgetOf(100)
  const [one, other] = [budget.lease(nobody), budget.lease(nobody)]
  one.grow(60)
  other.grow(40)
  t.throws(() => other.grow(1), { code: 'overloaded', message: 'Requests in flight would exceed 100 bytes.' })
  t.equal(budget.heldBytes(), 100)
  one.release()
  t.equal(budget.heldBytes(), 40)
  t.doesNotThrow(() => other.grow(60))
})

test('giving back twice gives back once', async (t) => {
  const { budget } = budgetOf(100)
  const holder = { address: 'a', app: 'b' }
  const lease = budget.lease(holder)
  budget.lease(holder).grow(10)
  lease.grow(50)
  lease.release()
  lease.release()
  t.equal(budget.heldBytes(), 10)
})

test('the body that arrives for longest gives way to a newcomer; what has arrived stays', async (t) => {
  const { budget, gone, arriving } = budgetOf(100)
  const whole = arriving('whole', 40)
  whole.arrived()
  arriving('first', 30)
  arriving('second', 20)
  arriving('third', 10)
  const newcomer = budget.lease(nobody)
  newcomer.grow(35)
  t.same(gone, ['first: overloaded', 'second: overloaded'])
  t.equal(budget.heldBytes(), 85)
  t.throws(() => newcomer.grow(60), { code: 'overloaded' }, 'nothing else could give way')
  t.same(gone, ['first: overloaded', 'second: overloaded', 'third: overloaded'])
})

test('whoever leaves the line, those before and behind keep their places', async (t) => {
  for (const [leaves, expected] of [
    [[0], ['1', '2', '3']],
    [[1], ['0', '2', '3']],
    [[3], ['0', '1', '2']],
    [
      [1, 2],
      ['0', '3'],
    ],
    [[3, 0, 2], ['1']],
    [[2, 1, 0, 3], []],
  ] as const) {
    const { budget, gone, arriving } = budgetOf(100)
    const leases = ['0', '1', '2', '3'].map((name) => arriving(name, 10))
    for (const nth of leaves) leases[nth]?.arrived()
    arriving('newest', 10)
    t.throws(() => budget.lease(nobody).grow(101), { code: 'overloaded' })
    t.same(
      gone,
      [...expected, 'newest'].map((name) => `${name}: overloaded`),
      String(leaves),
    )
  }
})

test('a body that is the oldest itself is refused, and no other for it', async (t) => {
  const { gone, arriving } = budgetOf(100)
  const oldest = arriving('oldest', 50)
  arriving('newer', 50)
  t.throws(() => oldest.grow(1), { code: 'overloaded' })
  t.same(gone, [])
})

test('an address has a quarter, an app a half; beyond it only its own bodies give way', async (t) => {
  for (const [rule, holders, share] of [
    ['address', (i: number) => ({ address: 'a', app: String(i) }), 16 * MIB],
    ['app', (i: number) => ({ address: String(i), app: 'a' }), 32 * MIB],
  ] as const) {
    const { budget, gone, arriving } = budgetOf(64 * MIB)
    arriving('elsewhere', 1, { address: 'b', app: 'b' })
    for (let i = 0; i < share / MIB + 2; i++) arriving(String(i), MIB, holders(i))
    t.equal(budget.heldBytes(), share + 1, rule)
    t.same(gone, ['0: overloaded', '1: overloaded'], rule)
  }
})

test('no share is smaller than what one request may need, nor larger than the whole', async (t) => {
  const holder = { address: 'a', app: 'a' }
  t.doesNotThrow(() =>
    budgetOf(8 * MIB)
      .budget.lease(holder)
      .grow(6 * MIB),
  )
  t.throws(
    () =>
      budgetOf(8 * MIB)
        .budget.lease(holder)
        .grow(6 * MIB + 1),
    { code: 'overloaded' },
  )
  t.doesNotThrow(() => budgetOf(100).budget.lease(holder).grow(100))
})

test('what nobody holds any more is forgotten', async (t) => {
  const { budget } = budgetOf(64 * MIB)
  for (let i = 0; i < 3; i++) {
    const lease = budget.lease({ address: 'a', app: 'a' })
    lease.grow(16 * MIB)
    lease.release()
  }
  t.equal(budget.heldBytes(), 0)
})

test('a body that trickles or stops is let go after a grace, one of a slow phone is not', async (t) => {
  const { budget, clock, gone, arriving } = budgetOf(64 * MIB)
  arriving('stops', MIB)
  const trickle = arriving('trickles', 0)
  const phone = arriving('phone', 0)
  for (let second = 1; second <= 12; second++) {
    clock.advance(1_000)
    if (second === 9) arriving('newcomer', 0)
    if (gone.length === 0) trickle.grow(100, 100)
    phone.grow(1_000, 1_000)
    budget.sweep()
    if (second === GRACE_MS / 1_000 - 1) t.same(gone, [])
  }
  t.same(gone, ['stops: slow_request', 'trickles: slow_request'])
  t.equal(budget.heldBytes(), 12_000)
})

test('a piece counts as long as it is, however much room it takes', async (t) => {
  for (const [arrived, pieces, gone] of [
    [1, 20, true],
    [20, 20, true],
    [256, 2, false],
    [25, 20, false],
  ] as const) {
    const { budget, clock, gone: left, arriving } = budgetOf(64 * MIB)
    const body = arriving('body', 0)
    for (let second = 1; second <= 12 && left.length === 0; second++) {
      clock.advance(1_000)
      for (let i = 0; i < pieces; i++) body.grow(Math.max(256, arrived), arrived)
      budget.sweep()
    }
    t.same(left, gone ? ['body: slow_request'] : [], `${pieces} pieces of ${arrived} bytes a second`)
  }
})
