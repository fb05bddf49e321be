import { gzipSync, zstdCompressSync } from 'node:zlib'
import { test } from 'tap'
import { isGzip, isZstd, unreadableAs } from '../../../src/std/files/magic-bytes.ts'

const line = '{"name":"a"}\n'
const marked = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')

test('bytes say what they are', async (t) => {
  t.ok(isGzip(gzipSync(line)))
  t.ok(isZstd(zstdCompressSync(line)))
  for (const [what, bytes] of [
    ['compressed by Zstandard', zstdCompressSync(line)],
    ['compressed by Zstandard', Buffer.from('502a4d1804000000', 'hex')],
    ['a ZIP archive', Buffer.from('PK\u0003\u0004\u0014')],
    ['a ZIP archive', Buffer.from('PK\u0005\u0006\0')],
    ['compressed by bzip2', Buffer.from('BZh91AY&SY')],
    ['compressed by xz', Buffer.from('fd377a585a000004', 'hex')],
    ['compressed by LZ4', Buffer.from('04224d186440', 'hex')],
    ['compressed by Snappy', Buffer.from('ff060000734e61507059', 'hex')],
    ['text in UTF-16', marked(line)],
    ['text in UTF-16', marked(line).swap16()],
    ['text in UTF-16', Buffer.from(line, 'utf16le')],
    ['text in UTF-16', Buffer.from(line, 'utf16le').swap16()],
    ['text in UTF-16', Buffer.from(`[${line}]`, 'utf16le')],
    ['Parquet', Buffer.from('PAR1')],
    [undefined, gzipSync(line)],
    [undefined, Buffer.from(line)],
    [undefined, Buffer.from(`\ufeff${line}`)],
    [undefined, Buffer.from('BZh9 is a word\n')],
    [undefined, Buffer.from('{\0\0\0')],
    [undefined, Buffer.from('PK')],
    [undefined, Buffer.alloc(0)],
  ] as const)
    t.equal(unreadableAs(bytes), what, bytes.toString('latin1', 0, 10))
})
