import { test } from 'tap'
import { alertState } from '../../../../src/aggregation/serve/alerts/alert-state.ts'

/** `x` held, `.` did not, `?` is not known; the newest is the last. */
const held = (windows: string) => [...windows].map((one) => (one === '?' ? null : one === 'x'))

test('the state of an alert follows from its windows', async (t) => {
  for (const [windows, persistence, state] of [
    ['........', '3 of 4', 'ok'],
    ['????????', '3 of 4', 'unknown'],
    ['.......x', '3 of 4', 'pending'],
    ['......xx', '3 of 4', 'pending'],
    ['.....xxx', '3 of 4', 'firing'],
    ['....xx.x', '3 of 4', 'firing'],
    ['....xxx.', '3 of 4', 'firing'],
    ['...xxx..', '3 of 4', 'resolved'],
    ['..xxx..x', '3 of 4', 'pending'],
    ['...xxx.x', '3 of 4', 'firing'],
    ['.xxx....', '3 of 4', 'resolved'],
    ['xxx.....', '3 of 4', 'resolved'],
    ['xx.x....', '3 of 4', 'resolved'],
    ['xx......', '3 of 4', 'ok'],
    ['....x.x.', '3 of 4', 'ok'],
    ['....xx??', '3 of 4', 'unknown'],
    ['...xxx??', '3 of 4', 'unknown'],
    ['xxx??...', '3 of 4', 'resolved'],
    ['.....x??', '3 of 4', 'unknown'],
    ['.....?..', '3 of 4', 'ok'],
    ['.....??.', '3 of 4', 'ok'],
    ['.....??x', '3 of 4', 'pending'],
    ['xxx?????????', '3 of 6', 'unknown'],
    ['xxx......???', '3 of 6', 'unknown'],
    ['xxx.......??', '3 of 6', 'resolved'],
    ['...xxx....??', '3 of 6', 'resolved'],
    ['....xx?x', '3 of 4', 'firing'],
    ['..', '1 of 1', 'ok'],
    ['.x', '1 of 1', 'firing'],
    ['x.', '1 of 1', 'resolved'],
    ['x?', '1 of 1', 'unknown'],
    ['?.', '1 of 1', 'ok'],
    ['.x.x', '2 of 2', 'pending'],
    ['xx..', '2 of 2', 'resolved'],
    ['.xx.', '2 of 2', 'resolved'],
  ] as const) {
    const [need, of] = persistence.split(' of ').map(Number) as [number, number]
    t.equal(alertState(held(windows), { need, of }), state, `${windows} ${persistence}`)
  }
})

test('one that held long enough fires, whatever is before; then it is resolved for as many windows, and ok', async (t) => {
  const states = []
  for (let from = 0; from <= 16; from++) {
    const all = held('........xxx.............')
    states.push(alertState(all.slice(from, from + 8), { need: 3, of: 4 }))
  }
  t.same(states, [
    ...['ok', 'pending', 'pending', 'firing', 'firing'],
    ...['resolved', 'resolved', 'resolved', 'resolved'],
    ...Array(8).fill('ok'),
  ])
})
