import { test } from 'tap'
import { createByteBudget } from '../../../src/gateway/collect/inflight.ts'

test('requests share one budget; what does not fit is refused and takes nothing', async (t) => {
  const budget = createByteBudget(100)
  const [one, other] = [budget.lease(), budget.lease()]
  one.grow(60)
  other.grow(40)
  t.throws(() => other.grow(1), { code: 'overloaded', message: 'Requests in flight would exceed 100 bytes.' })
  t.equal(budget.heldBytes(), 100)
  one.release()
  t.equal(budget.heldBytes(), 40)
  t.doesNotThrow(() => other.grow(60))
})

test('giving back twice gives back once', async (t) => {
  const budget = createByteBudget(100)
  const lease = budget.lease()
  budget.lease().grow(10)
  lease.grow(50)
  lease.release()
  lease.release()
  t.equal(budget.heldBytes(), 10)
})
