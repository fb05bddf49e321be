import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { bytesBody, fileBody } from '../../src/lake/s3-body.ts'

t.test('a body has its size and its checksum, and is sent as often as it takes', async (t) => {
  const dir = t.testdir()
  const large = Buffer.alloc(1_000_000, 'abc')
  for (const [what, bytes, checksum] of [
    // The check value of CRC-32 in the catalogue of parametrised CRC algorithms: 0xcbf43926.
    ['the check value', Buffer.from('123456789'), 'y/Q5Jg=='],
    ['nothing', Buffer.alloc(0), 'AAAAAA=='],
    ['a part of a buffer', new Uint8Array(Buffer.from('0123456789').buffer, 0, 0), 'AAAAAA=='],
    ['more than a slice', large, undefined],
  ] as const) {
    const path = join(dir, what)
    writeFileSync(path, bytes)
    const [inMemory, onDisk] = [bytesBody(bytes), await fileBody(path)]
    t.equal(inMemory.checksum, checksum ?? onDisk.checksum, what)
    t.equal(onDisk.checksum, inMemory.checksum, what)
    for (const body of [inMemory, onDisk, inMemory, onDisk]) {
      t.equal(body.bytes, bytes.length)
      t.ok((await buffer(body.open())).equals(bytes), what)
    }
  }
})

t.test('a file larger than one put takes is refused before any of it is read', async (t) => {
  const path = join(t.testdir(), 'sparse')
  writeFileSync(path, '')
  truncateSync(path, 5 * 2 ** 30 + 1)
  await t.rejects(fileBody(path), {
    code: 'lake_failed',
    message: 'An object holds 5368709120 bytes, not 5368709121',
  })
})
