import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { instanceName } from '../../../src/gateway/deliver/instance.ts'
import { rawKey } from '../../../src/lake/layout.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

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

t.test('a folder that cannot be read is said to be so', async (t) => {
  const dataDir = t.testdir({ instance: {} })
  await t.rejects(instanceName(dataDir, { entropy: seededEntropy() }), { code: 'EISDIR' })
})
