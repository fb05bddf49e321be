import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { giveWay } from '../../../src/std/async/thread-priority.ts'

const niceThread = `
const { getPriority } = require('node:os')
const { parentPort, workerData } = require('node:worker_threads')
import(workerData).then(({ giveWay }) => {
  const before = getPriority()
  giveWay(3)
  giveWay(2)
  const nicer = getPriority()
  giveWay(100)
  parentPort.postMessage([before, nicer, getPriority()])
})`

test('a thread gives way alone, as far as it goes', { skip: process.platform !== 'linux' }, async (t) => {
  const before = getPriority()
  const program = new URL('../../../src/std/async/thread-priority.ts', import.meta.url).href
  const worker = new Worker(niceThread, { eval: true, workerData: program })
  const told = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  t.same(told, [before, Math.min(19, before + 5), 19])
  t.equal(getPriority(), before, 'the others are as they were')
})

test('where niceness is the whole process, or may not be set, it stays', (t) => {
  const asked: number[] = []
  giveWay(5, 'darwin', (priority: number) => void asked.push(priority))
  t.same(asked, [])
  const refusing = (code: string) => () => {
    throw Object.assign(new Error('A system error occurred'), { info: { code } })
  }
  for (const code of ['EPERM', 'EACCES']) giveWay(5, 'linux', refusing(code))
  t.throws(() => giveWay(5, 'linux', refusing('EINVAL')))
  t.end()
})
