import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { createControlFiles } from '../../../../../src/aggregation/rollup/run/log/record-files.ts'
import type { Run } from '../../../../../src/aggregation/rollup/run/log/run-record.ts'
import {
  parseFailedMs,
  parseKeyUse,
  parseRun,
} from '../../../../../src/aggregation/rollup/run/log/stored-run.ts'
import { createTelemetry } from '../../../../../src/std/telemetry.ts'
import { faultyFiles } from '../../../../fakes/files/faulty-files.ts'

const owner = { pid: 1, startTicks: '2', bootId: 'b', pidNamespace: 'n' }
const window = { rollup: 'vitals', fromMs: 0, toMs: 900_000 }
const run: Run = {
  version: 1,
  id: 'run-1',
  state: 'running',
  trigger: 'request',
  principal: 'ops',
  scope: { rollups: ['vitals'], reprocess: 'missing' },
  attempt: 1,
  createdMs: 0,
  notBeforeMs: 0,
  windows: [{ ...window, step: 'compute' }],
  skipped: [{ window, why: 'open' }],
  owner,
}

test('a record of a run is one that all its readers can live with', async (t) => {
  t.same(parseRun('run-1', run), run)
  const later = { ...run, more: 'of a later version' }
  t.same(parseRun('run-1', later), later)
  for (const [what, found] of [
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['another record', {}],
    ['of another name', { ...run, id: 'run-2' }],
    ['of no version', { ...run, version: 0 }],
    ['in a state that there is not', { ...run, state: 'lost' }],
    ['without an owner', { ...run, owner: undefined }],
    ['windows that are none', { ...run, windows: [{}] }],
    ['a window without a step', { ...run, windows: [window] }],
    ['times that are text', { ...run, notBeforeMs: 'soon' }],
  ] as const) {
    t.equal(parseRun('run-1', found), undefined, what)
  }
  t.throws(() => parseRun('run-1', { version: 2 }), {
    code: 'later_version',
    message: /run-1 is of version 2/,
  })
  t.same(parseKeyUse({ runId: 'a', body: 'b' }), { runId: 'a', body: 'b' })
  t.equal(parseKeyUse({ runId: 'a' }), undefined)
  t.equal(parseFailedMs(5), 5)
  t.equal(parseFailedMs('5'), undefined)
})

test('a file that holds no record is named once, and looked at again', async (t) => {
  const dir = t.testdir()
  const lines: string[] = []
  const { log } = createTelemetry('warn', { write: (line) => lines.push(line) })
  const { files, fail } = faultyFiles()
  const records = createControlFiles({ files, log })
  const path = join(dir, 'a.json')
  const read = () => records.read(path, parseFailedMs, 100)
  t.equal(await read(), undefined, 'none is no fault')
  t.same(lines, [])
  for (const text of ['', '{"a', '"text"', '\0\0']) {
    await writeFile(path, text)
    t.equal(await read(), undefined)
  }
  t.equal(lines.length, 1)
  t.match(lines[0], path)
  t.match(lines[0], 'put it back from a backup, or remove it')
  await writeFile(path, '5')
  t.equal(await read(), 5)
  await mkdir(join(dir, 'b.json'))
  t.equal(await records.read(join(dir, 'b.json'), parseFailedMs, 100), undefined)
  t.match(lines[1], 'b.json')

  fail({ call: 'readFile', code: 'EIO', times: 2 })
  await t.rejects(read(), { code: 'EIO' }, 'one that cannot be read is not said to be missing')
  t.equal(await records.ifReadable(read(), path), undefined, 'and of many it is left out')
  t.match(lines[2], 'EIO')
  fail({ call: 'readFile', code: 'EMFILE' })
  await t.rejects(
    records.ifReadable(read(), path),
    { code: 'EMFILE' },
    'all could not be read: none is left out',
  )
  for (const code of ['EACCES', 'EPERM', 'ESTALE', 'EBUSY']) {
    fail({ call: 'readFile', code })
    t.equal(await records.ifReadable(read(), path), undefined, `${code} is of this one only`)
  }
  const mistaken = Promise.reject(new RangeError('a mistake of ours'))
  await t.rejects(records.ifReadable(mistaken, path), RangeError)
  const broken = () => {
    throw new RangeError('a mistake of ours')
  }
  await t.rejects(records.read(path, broken, 100), RangeError)
})
