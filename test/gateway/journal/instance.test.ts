import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { instanceName } from '../../../src/gateway/journal/instance.ts'
import { rawKey } from '../../../src/lake/layout.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'
import { seededEntropy } from '../../fakes/entropy.ts'
import { faultyFiles } from '../../fakes/files/faulty-files.ts'
import { noFiles } from '../../fakes/files/not-files.ts'
import { HUGE_BYTES, putZeros } from '../../fakes/files/sparse-files.ts'

t.test('a gateway keeps the name that chance gave it', async (t) => {
  const dataDir = join(t.testdir(), 'data')
  const name = await instanceName(dataDir, { entropy: seededEntropy(1) })
  t.match(name, /^[0-9a-f]{8}$/)
  t.equal(await instanceName(dataDir, { entropy: seededEntropy(2) }), name)
  t.equal((await readFile(join(dataDir, 'instance'), 'utf8')).trim(), name)
  t.equal((await stat(join(dataDir, 'instance'))).mode & 0o777, 0o600)
  t.not(await instanceName(t.testdir(), { entropy: seededEntropy(2) }), name, 'another gateway has another')
})

t.test('a name that could not be a part of a key is replaced', async (t) => {
  for (const text of ['', '../up', 'Ümlaut', 'a'.repeat(65)]) {
    const dataDir = t.testdir()
    await writeFile(join(dataDir, 'instance'), text)
    const name = await instanceName(dataDir, { entropy: seededEntropy() })
    t.match(name, /^[0-9a-f]{8}$/, JSON.stringify(text))
    t.match(
      rawKey({ source: `fallback-${name}`, arrivalMs: 0, name: 'x', extension: 'ndjson' }),
      /^raw\/fallback-[0-9a-f]{8}\/dt=/,
    )
  }
})

const zeros = Object.entries(HUGE_BYTES).map(
  ([what, bytes]) => [what, (path: string) => putZeros(path, bytes)] as const,
)

for (const [what, put] of [...Object.entries(noFiles), ...zeros]) {
  t.test(`${what} is no name: there is another, and that is said`, async (t) => {
    const dataDir = t.testdir()
    await put(join(dataDir, 'instance'))
    const lines: string[] = []
    const telemetry = createTelemetry('error', { write: (line) => lines.push(line) })
    const name = await instanceName(dataDir, { entropy: seededEntropy(), telemetry })
    t.match(name, /^[0-9a-f]{8}$/)
    t.match(lines, [/instance is .*(?: and no file|too large)/])
    t.equal(await instanceName(dataDir, { entropy: seededEntropy(2) }), name, 'and it is kept')
  })
}

t.test('a folder that cannot be read is said to be so', async (t) => {
  const { files, fail } = faultyFiles()
  fail({ call: 'readFile', code: 'EIO' })
  await t.rejects(instanceName(t.testdir(), { entropy: seededEntropy(), files }), { code: 'EIO' })
})
