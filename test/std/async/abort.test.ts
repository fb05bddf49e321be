import { test } from 'tap'
import { aborted, endsWithin, settledOrAborted, sleep, withDeadline } from '../../../src/std/async/abort.ts'

const HOUR_MS = 3_600_000

test('a sleep ends by itself', async (t) => {
  t.equal(await sleep(0), undefined)
})

test('a sleep ends early, and without an error, when its signal aborts', async (t) => {
  const control = new AbortController()
  const slept = sleep(HOUR_MS, control.signal)
  control.abort()
  t.equal(await slept, undefined)
})

test('a sleep whose signal has aborted already does not begin', async (t) => {
  t.equal(await sleep(HOUR_MS, AbortSignal.abort()), undefined)
})

test('work that is in time gives its result, and its error', async (t) => {
  t.equal(await withDeadline(Promise.resolve('done'), HOUR_MS, 'work'), 'done')
  await t.rejects(withDeadline(Promise.reject(new Error('broken')), HOUR_MS, 'work'), { message: 'broken' })
})

test('work that is late ends in deadline_exceeded, which names it and its time', async (t) => {
  await t.rejects(withDeadline(new Promise(() => {}), 1, 'the answer'), {
    code: 'deadline_exceeded',
    message: 'the answer took longer than 1 ms',
  })
})

test('waiting for a signal ends when it aborts, or at once when it has', async (t) => {
  const control = new AbortController()
  const waited = aborted(control.signal)
  control.abort()
  t.equal(await waited, undefined)
  t.equal(await aborted(control.signal), undefined)
})

test('waiting for the work of somebody else ends with it, or with the patience for it', async (t) => {
  const control = new AbortController()
  let finish = () => {}
  const work = new Promise<void>((resolve) => {
    finish = resolve
  })
  const waited = settledOrAborted(work, control.signal)
  control.abort()
  t.equal(await waited, undefined)
  t.equal(await settledOrAborted(work, control.signal), undefined, 'at once when it has aborted already')
  const patient = settledOrAborted(work, new AbortController().signal)
  finish()
  t.equal(await patient, undefined)
  await t.rejects(settledOrAborted(Promise.reject(new Error('broken')), new AbortController().signal), {
    message: 'broken',
  })
})

test('work ends in time, or late, or fails as it would by itself', async (t) => {
  t.equal(await endsWithin(Promise.resolve('done'), HOUR_MS), true)
  t.equal(await endsWithin(new Promise(() => {}), 1), false)
  await t.rejects(endsWithin(Promise.reject(new Error('broken')), HOUR_MS), { message: 'broken' })
})
