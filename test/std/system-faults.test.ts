import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { problems } from '../../src/http/problems.ts'
import { isDiskFull, isPermanentReadError, nodeFiles } from '../../src/std/files/files.ts'
import { tooLarge } from '../../src/std/files/too-large.ts'
import {
  codeInWords,
  inWords,
  inWordsOfC,
  inWordsWithPath,
  mendable,
  systemFaultOf,
} from '../../src/std/system-faults.ts'

const failing = (code: string, more: object = {}) =>
  Object.assign(new Error(`${code}: no`), { code, ...more })

test('what an operator can mend has a code of ours, and words that say what is so and what helps', async (t) => {
  for (const [errno, code, words] of [
    ['ENOSPC', 'storage_full', 'the disk is full (ENOSPC): free some of it'],
    ['EDQUOT', 'storage_full', 'the quota of this user is used up (EDQUOT): free some of it, or raise it'],
    ['EFBIG', 'storage_full', 'the file would be too large (EFBIG): raise LimitFSIZE (ulimit -f)'],
    [
      'EACCES',
      'storage_denied',
      'this user may not read or write there (EACCES): give it the file or the folder',
    ],
    [
      'EPERM',
      'storage_denied',
      'this user may not read or write there (EPERM): give it the file or the folder',
    ],
    ['EROFS', 'storage_denied', 'the file system is read-only (EROFS): mount it so that it can be written'],
    ['EBUSY', 'storage_denied', undefined],
    ['ETXTBSY', 'storage_denied', undefined],
    ['ESTALE', 'storage_denied', undefined],
    ['EISDIR', 'storage_denied', undefined],
    ['ENXIO', 'storage_denied', undefined],
    ['ENOTDIR', 'storage_denied', undefined],
    ['ELOOP', 'storage_denied', undefined],
    ['EIO', 'storage_failed', undefined],
    ['EBADMSG', 'storage_failed', undefined],
    ['EUCLEAN', 'storage_failed', undefined],
    ['ENOTCONN', 'storage_failed', undefined],
    ['EMFILE', 'system_limit', undefined],
    ['ENFILE', 'system_limit', undefined],
    ['ENOMEM', 'system_limit', undefined],
    ['EAGAIN', 'system_limit', undefined],
  ] as const) {
    const fault = systemFaultOf(failing(errno))
    t.equal(fault?.code, code, errno)
    t.match(fault?.words, words ?? `(${errno}): `)
    t.ok(problems[code].status >= 500 && problems[code].status !== 503, `${errno} is logged`)
  }
  for (const other of [
    failing('ENOENT'),
    failing('ECONNRESET'),
    failing('constructor'),
    new Error('x'),
    'EIO',
  ])
    t.equal(systemFaultOf(other), undefined, String(other))
})

test('a file that is too large to be ours is no full disk, and one that may not grow is not damaged', async (t) => {
  const [ours, ofSystem] = [tooLarge('/x', 1), failing('EFBIG', { syscall: 'write' })]
  t.match(systemFaultOf(ours), { code: 'storage_denied', words: /^a file is larger than any .* \(EFBIG\): / })
  t.same([isDiskFull(ours), isPermanentReadError(ours)], [false, true])
  t.same([isDiskFull(ofSystem), isPermanentReadError(ofSystem)], [true, false])
})

test('the words name the file where the system does, and are found below other errors', async (t) => {
  const words = 'the disk is full (ENOSPC): free some of it'
  t.equal(inWordsWithPath(failing('ENOSPC', { path: '/data/x' })), `/data/x: ${words}`)
  t.equal(inWordsWithPath(failing('ENOSPC')), words)
  t.equal(inWordsWithPath(failing('ENOENT', { path: '/data/x' })), undefined)
  t.equal(mendable(new Error('a', { cause: new Error('b', { cause: failing('ENOSPC') }) })), words)
  t.equal(mendable(new Error('a', { cause: 'b' })), undefined)
  t.equal(codeInWords(failing('ENOSPC')), words)
  t.equal(codeInWords(failing('ENOENT')), 'ENOENT')
})

test('what a library of C says at the end of its message is told in the same words', async (t) => {
  for (const [message, errno] of [
    ['IO Error: Could not write file "/x": No space left on device', 'ENOSPC'],
    ['IO Error: Cannot open file "/x": Read-only file system\n', 'EROFS'],
    ['Could not write file "/x": File too large', 'EFBIG'],
    ['Cannot open file: Too many open files', 'EMFILE'],
    ['Cannot open file "/x: No space left on device/y": No such file or directory', undefined],
    ['constructor', undefined],
  ] as const)
    t.equal(inWordsOfC(message), errno ? `: ${inWords(failing(errno))}` : '', message.trim())
})

/** Prints what the first of many descriptors, or bytes, that there is no room for is answered with. */
const SCRIPT = (root: URL) => `
import { asAppError, problemDocument } from '${new URL('src/http/problems.ts', root)}'
import { nodeFiles, writeDurably } from '${new URL('src/std/files/files.ts', root)}'
const path = process.argv[1]
try {
  await writeDurably(nodeFiles, path, Buffer.alloc(100_000))
  const kept = []
  for (let n = 0; n < 500; n++) kept.push(await nodeFiles.open(path, 'r'))
} catch (error) {
  console.log(JSON.stringify(problemDocument(asAppError(error))))
}
process.exit()
`

test('limits of the system that a process meets are answered by what helps', async (t) => {
  const path = join(t.testdir(), 'file')
  const root = new URL('../../', import.meta.url)
  for (const [limit, document] of [
    ['ulimit -f 8', { status: 507, code: 'storage_full', detail: /\(EFBIG\): raise LimitFSIZE/ }],
    ['ulimit -n 100', { status: 500, code: 'system_limit', detail: /\(EMFILE\): raise LimitNOFILE/ }],
  ] as const) {
    const run = [process.execPath, '--input-type=module', '-e', SCRIPT(root), path]
    // Without variables: what is measured of it would be a larger file than it may write.
    const { stdout } = await promisify(execFile)('sh', ['-c', `${limit}; exec env -i "$0" "$@"`, ...run])
    t.match(JSON.parse(stdout), document, limit)
  }
})

test('what the system says of real files is in the table', async (t) => {
  const dir = t.testdir({ file: 'x' })
  const fault = async (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => systemFaultOf(error)?.code,
    )
  t.equal(
    await fault(nodeFiles.mkdir(join(dir, 'file/below'), { recursive: true, mode: 0o700 })),
    'storage_denied',
  )
  t.equal(await fault(nodeFiles.readFile(dir, 10)), 'storage_denied')
  t.equal(await fault(writeFile('/dev/full', 'x')), 'storage_full')
})
