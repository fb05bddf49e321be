import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { test } from 'tap'
import { inflate, isInflateError, upTo } from '../../../../src/aggregation/ingest/compact/inflate-files.ts'

test('gzip files are inflated into the folder, plain ones stay where they are', async (t) => {
  const root = t.testdir({
    'plain.ndjson': 'plain',
    'two.gz': Buffer.concat([gzipSync('one\n'), gzipSync('two\n')]),
    'cut.gz': gzipSync('x'.repeat(1_000)).subarray(0, 12),
    'none.gz': Buffer.from('\0no gzip'),
    'zstd.gz': zstdCompressSync('no gzip'),
    'text.gz': 'text',
    'packed.ndjson': gzipSync('packed'),
    'padded.gz': Buffer.concat([gzipSync('one\n'), Buffer.alloc(512), gzipSync('two\n')]),
    folder: {},
  })
  const file = (name: string, gzip: boolean) => ({ path: join(root, name), gzip })
  const files = [
    file('plain.ndjson', false),
    file('two.gz', true),
    file('cut.gz', true),
    file('none.gz', true),
    file('padded.gz', true),
    file('text.gz', true),
    file('packed.ndjson', false),
    file('zstd.gz', true),
  ]
  const { paths, damaged, unreadable } = await inflate(files, join(root, 'folder'))
  t.equal(paths[0], join(root, 'plain.ndjson'))
  t.same(
    [0, 1, 4, 5, 6].map((at) => readFileSync(paths[at] ?? '', 'utf8')),
    ['plain', 'one\ntwo\n', 'one\n', 'text', 'packed'],
    'members after the first are part of the file',
  )
  t.same(damaged, files.slice(2, 5))
  const why =
    'It is compressed by Zstandard; lines are read as text in UTF-8, plain (.ndjson) or compressed by gzip (.ndjson.gz)'
  t.same(unreadable, [{ file: files[7], why }])
  t.ok(
    paths.every((path) => readFileSync(path).length >= 0),
    'a damaged file has its place too',
  )
})

test('a file that is not there is no damage', async (t) => {
  const root = t.testdir({})
  await t.rejects(inflate([{ path: join(root, 'absent.gz'), gzip: true }], root), { code: 'ENOENT' })
})

test('a file that grows beyond all measure is cut there, and damaged', async (t) => {
  const pass = async (bytes: number) => {
    let passed = 0
    const chunks = (async function* () {
      yield* [Buffer.alloc(6), Buffer.alloc(bytes - 6)]
    })()
    for await (const chunk of upTo(10, chunks)) passed += chunk.length
    return passed
  }
  t.equal(await pass(10), 10)
  const refused = await pass(11).catch((error: unknown) => error)
  t.ok(isInflateError(refused), 'as one that breaks off')
})

test('what zlib fails of by itself says nothing of a file', (t) => {
  for (const [code, isOfTheFile] of [
    ['Z_DATA_ERROR', true],
    ['Z_BUF_ERROR', true],
    ['Z_NEED_DICT', true],
    ['Z_MEM_ERROR', false],
    ['Z_STREAM_ERROR', false],
    ['ERR_ZLIB_INITIALIZATION_FAILED', false],
  ] as const) {
    t.equal(isInflateError(Object.assign(new Error('no'), { code })), isOfTheFile, code)
  }
  t.end()
})

test('a file that the disk does not give back is no damage of gzip', async (t) => {
  const root = t.testdir({ folder: {}, 'packed.gz': gzipSync('packed') })
  await t.rejects(inflate([{ path: join(root, 'folder'), gzip: true }], root), { code: 'EISDIR' })
  const packed = [{ path: join(root, 'packed.gz'), gzip: true }]
  await t.rejects(inflate(packed, join(root, 'gone')), { code: 'ENOENT' }, 'nor one that it does not take')
})
