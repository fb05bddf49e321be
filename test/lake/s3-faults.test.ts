import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import type { Lake } from '../../src/lake/lake.ts'
import { type S3LakeOptions, s3Lake } from '../../src/lake/s3.ts'
import { type Choose, faultProxy, type ProxyFault } from '../fakes/aws/fault-proxy.ts'
import { s3Error, startFakeS3 } from '../fakes/aws/s3.ts'
import { credentials, versitygw } from '../fakes/aws/s3-servers.ts'
import { fakeClock } from '../fakes/clock.ts'
import { seededEntropy } from '../fakes/entropy.ts'

/** Jitter takes next to nothing of the wait: tests wait for answers, not for chance. */
const impatient = (seed = 1) => ({ ...seededEntropy(seed), uniform: () => 0.01 })

const at = (endpoint: string) => ({
  connection: { region: 'us-east-1', forcePathStyle: true, credentials, endpoint },
  bucket: 'lake',
  maxTempBytes: 1e9,
})

interface Setup extends Partial<S3LakeOptions> {
  readonly upstream?: string
}

/** A lake whose calls fail as `choose` says, and one beside it that sees what is really stored. */
async function behindFaults(t: Test, choose: Choose, { upstream, ...options }: Setup = {}) {
  const server = upstream ?? (await startFakeS3(t)).endpoint
  const proxy = await faultProxy(t, server, choose)
  const tempDir = mkdtempSync(join(tmpdir(), 's3-lake-'))
  t.teardown(() => rmSync(tempDir, { recursive: true, force: true }))
  const entropy = impatient()
  const lake = s3Lake({ ...at(proxy.endpoint), tempDir, entropy, ...options })
  return { lake, truth: s3Lake({ ...at(server), tempDir }), proxy, tempDir }
}

/** One fault an exchange, in order; undefined lets one pass. */
const inOrder = (...faults: (ProxyFault | undefined)[]) => ({
  choose: () => faults.shift(),
  left: () => faults.length,
})

const refusal = (status: number, code: string): ProxyFault => ({
  kind: 'answer',
  status,
  body: s3Error(code),
})
const slowDown = refusal(503, 'SlowDown')
const passing: readonly (readonly [string, ProxyFault])[] = [
  ['503 SlowDown', slowDown],
  ['500', refusal(500, 'InternalError')],
  ['503 of something on the way', { kind: 'answer', status: 503, body: '<html>' }],
  ['429', { kind: 'answer', status: 429 }],
  ['a body that did not arrive', refusal(400, 'IncompleteBody')],
  ['a reset before', { kind: 'reset', when: 'before' }],
  ['a reset after', { kind: 'reset', when: 'after' }],
]
/** Long enough for an answer on a busy machine, short enough to wait for one that never comes. */
const CALL_MS = 1_500
const rows = Buffer.from('rows\n'.repeat(4_000))

t.test('what passes is tried again, and done once', async (t) => {
  for (const [what, fault] of passing) {
    const faults: ProxyFault[] = []
    const { lake, truth, tempDir } = await behindFaults(t, () => faults.shift())
    const through = <T>(work: () => Promise<T>): Promise<T> => {
      faults.push(fault, fault)
      return work()
    }
    t.equal(await through(() => lake.put('raw/put', rows)), 'stored', `put: ${what}`)
    t.equal(await through(() => lake.put('raw/new', rows, { ifAbsent: true })), 'stored', `create: ${what}`)
    t.equal(await through(() => lake.put('raw/new', rows, { ifAbsent: true })), 'exists', `again: ${what}`)
    writeFileSync(join(tempDir, 'local'), rows)
    await through(() => lake.putFile('raw/file', join(tempDir, 'local')))
    const stored = (await truth.list('')).map(({ key, bytes }) => `${key} ${bytes}`)
    t.strictSame(stored, ['raw/file 20000', 'raw/new 20000', 'raw/put 20000'], `all whole: ${what}`)
    t.ok((await through(() => lake.get('raw/put')))?.equals(rows), `get: ${what}`)
    t.equal(await through(() => lake.get('raw/absent')), undefined, `get nothing: ${what}`)
    const opened = await through(() => lake.open('raw/file'))
    t.ok((await readFile(opened?.path ?? '')).equals(rows), `open: ${what}`)
    t.equal((await through(() => lake.list('raw/'))).length, 3, `list: ${what}`)
    await through(() => lake.remove(['raw/put', 'raw/file', 'raw/absent']))
    t.strictSame(
      (await truth.list('')).map(({ key }) => key),
      ['raw/new'],
      `remove: ${what}`,
    )
    t.equal(faults.length, 0, `every fault was met: ${what}`)
  }
})

t.test('an answer that does not come is not waited for', async (t) => {
  const upstream = (await startFakeS3(t)).endpoint
  const operations: Readonly<Record<string, (lake: Lake, local: string) => Promise<unknown>>> = {
    put: (lake) => lake.put('put/x', rows),
    create: (lake) => lake.put('create/x', rows, { ifAbsent: true }),
    putFile: (lake, local) => lake.putFile('file/x', local),
    get: async (lake) => (await lake.get('raw/x'))?.length,
    list: async (lake) => (await lake.list('raw/')).length,
    remove: (lake) => lake.remove(['old/x']),
  }
  for (const when of ['before', 'after'] as const) {
    const { truth } = await behindFaults(t, () => undefined, { upstream })
    for (const { key } of await truth.list('')) await truth.remove([key])
    for (const key of ['raw/x', 'old/x']) await truth.put(key, rows)
    const outcomes = Object.entries(operations).map(async ([name, operation]) => {
      const { choose, left } = inOrder({ kind: 'hang', when })
      const { lake, tempDir } = await behindFaults(t, choose, { upstream, callMs: CALL_MS })
      const local = join(tempDir, name)
      writeFileSync(local, rows)
      return [name, await operation(lake, local), left()]
    })
    t.strictSame(
      await Promise.all(outcomes),
      [
        ['put', 'stored', 0],
        ['create', 'stored', 0],
        ['putFile', undefined, 0],
        ['get', rows.length, 0],
        ['list', 1, 0],
        ['remove', undefined, 0],
      ],
      when,
    )
    t.strictSame(
      (await truth.list('')).map(({ key, bytes }) => [key, bytes]),
      ['create/x', 'file/x', 'put/x', 'raw/x'].map((key) => [key, rows.length]),
    )
  }
})

t.test('bytes that break off, stop or change on their way are not taken for the object', async (t) => {
  const flipped = (body: Buffer) => Buffer.from(body.map((byte, at) => (at === 7 ? byte ^ 1 : byte)))
  for (const [what, fault] of [
    ['cut', { kind: 'cut' }],
    ['stalled', { kind: 'stall' }],
    ['changed', { kind: 'tamper', body: flipped }],
  ] as const) {
    const faults: ProxyFault[] = []
    const { lake, tempDir } = await behindFaults(t, () => faults.shift(), { callMs: CALL_MS })
    await lake.put('raw/x', rows)
    faults.push(fault, fault)
    t.ok((await lake.get('raw/x'))?.equals(rows), `get: ${what}`)
    faults.push(fault, fault)
    const opened = await lake.open('raw/x')
    t.ok((await readFile(opened?.path ?? '')).equals(rows), `open: ${what}`)
    t.equal(readdirSync(tempDir).length, 1, 'copies that failed are gone')
    await opened?.release()
    t.strictSame(readdirSync(tempDir), [])
  }
})

t.test('a listing that broke off is never taken for a whole one', async (t) => {
  const without = (pattern: RegExp): ProxyFault => ({
    kind: 'tamper',
    body: (page) => Buffer.from(page.toString().replace(pattern, '')),
  })
  const { endpoint: upstream } = await startFakeS3(t, { pageKeys: 2 })
  const faults: ProxyFault[] = []
  const { lake, proxy } = await behindFaults(t, () => faults.shift(), { upstream, callMs: CALL_MS })
  for (const key of ['a', 'b', 'c']) await lake.put(`raw/${key}`, rows)
  const whole = (await lake.list('raw/')).map(({ key }) => key)
  t.strictSame(whole, ['raw/a', 'raw/b', 'raw/c'])
  for (const [what, fault] of [
    ['cut', { kind: 'cut' }],
    ['stalled', { kind: 'stall' }],
    ['an object is missing', without(/<Contents>.*?<\/Contents>/)],
    ['nothing says whether there is more', without(/<IsTruncated>.*?<\/IsTruncated>/)],
    ['nothing says where there is more', without(/<NextContinuationToken>.*?<\/NextContinuationToken>/)],
  ] as const) {
    faults.push(fault)
    t.strictSame(
      (await lake.list('raw/')).map(({ key }) => key),
      whole,
      what,
    )
  }
  const askedBefore = proxy.exchanges.length
  faults.push(...Array.from({ length: 9 }, () => without(/<IsTruncated>.*?<\/IsTruncated>/)))
  const { lake: hasty } = await behindFaults(t, () => faults.shift(), { upstream, retryForMs: 0 })
  await t.rejects(hasty.list('raw/'), { message: 'Lake list raw/ failed: MalformedListing' })
  t.equal(proxy.exchanges.length, askedBefore, 'by the other lake')
})

t.test('whose an object is that exists after an attempt in doubt', async (t) => {
  const reset: ProxyFault = { kind: 'reset', when: 'after' }

  t.test('ours, by its token, though finding out takes attempts too', async (t) => {
    const { choose, left } = inOrder(reset, undefined, slowDown, undefined, slowDown)
    const { lake, truth, proxy } = await behindFaults(t, choose)
    t.equal(await lake.put('m/1', Buffer.from('mine'), { ifAbsent: true }), 'stored')
    t.equal(String(await truth.get('m/1')), 'mine')
    t.strictSame(
      proxy.exchanges.map(({ method }) => method),
      ['PUT', 'PUT', 'HEAD', 'PUT', 'HEAD', 'PUT', 'HEAD'],
    )
    t.equal(left(), 0)
  })

  t.test('another’s, of equal bytes', async (t) => {
    const { lake, truth } = await behindFaults(t, async () => {
      const first = await truth.put('m/1', Buffer.from('same'), { ifAbsent: true })
      return first === 'stored' ? slowDown : undefined
    })
    t.equal(await lake.put('m/1', Buffer.from('same'), { ifAbsent: true }), 'exists')
  })

  t.test('nobody’s: it was removed meanwhile, and is created again', async (t) => {
    let puts = 0
    const { lake, truth, proxy } = await behindFaults(t, async ({ method }) => {
      if (method === 'HEAD') await truth.remove(['m/1'])
      if (method === 'PUT') puts += 1
      return puts === 1 ? reset : undefined
    })
    t.equal(await lake.put('m/1', Buffer.from('mine'), { ifAbsent: true }), 'stored')
    t.strictSame(
      proxy.exchanges.map(({ method }) => method),
      ['PUT', 'PUT', 'HEAD', 'PUT'],
    )
  })
})

t.test('what another attempt would not change is said at once, and says nothing of the place', async (t) => {
  for (const [status, code] of [
    [403, 'AccessDenied'],
    [403, 'SignatureDoesNotMatch'],
    [404, 'NoSuchBucket'],
    [301, 'PermanentRedirect'],
    [400, 'EntityTooLarge'],
    [501, 'NotImplemented'],
  ] as const) {
    const { lake, proxy, tempDir } = await behindFaults(t, () => refusal(status, code))
    writeFileSync(join(tempDir, 'local'), rows)
    for (const [operation, work] of [
      ['put', () => lake.put('raw/x', rows)],
      ['put', () => lake.put('raw/x', rows, { ifAbsent: true })],
      ['putFile', () => lake.putFile('raw/x', join(tempDir, 'local'))],
      ['get', () => lake.get('raw/x')],
      ['open', () => lake.open('raw/x')],
      ['list', () => lake.list('raw/x')],
      ['remove', () => lake.remove(['raw/x'])],
    ] as const) {
      const error: unknown = await work().catch((reason: unknown) => reason)
      t.match(error, { code: 'lake_failed', message: `Lake ${operation} raw/x failed: ${code}` })
      t.notMatch(inspect(error, { depth: 9 }), /127\.0\.0\.1|AKID|wJalr|scripted|https?:/)
    }
    t.equal(proxy.exchanges.length, 7, `${code}: one attempt each`)
    t.strictSame(readdirSync(tempDir), ['local'], 'a file that was not stored stays')
  }
})

t.test('a large body is not sent before the server wants it, so that a refusal is read', async (t) => {
  const large = Buffer.alloc(8_388_608, 'rows')
  const { choose } = inOrder(refusal(403, 'AccessDenied'), slowDown, { kind: 'reset', when: 'before' })
  const { lake, truth, proxy } = await behindFaults(t, choose)
  await t.rejects(lake.put('raw/x', large), {
    message: /^Lake put raw\/x failed: AccessDenied: the credentials may not do this; /,
  })
  t.equal(await lake.put('raw/x', large), 'stored')
  t.strictSame(
    proxy.exchanges.map(({ headers }) => headers.expect),
    Array(4).fill('100-continue'),
  )
  t.ok((await truth.get('raw/x'))?.equals(large))
})

t.test('patience ends: the last failure is told', async (t) => {
  const clock = fakeClock()
  const { lake, proxy } = await behindFaults(
    t,
    () => {
      clock.advance(4_000)
      return slowDown
    },
    { clock },
  )
  await t.rejects(lake.put('raw/x', rows), { message: 'Lake put raw/x failed: SlowDown' })
  t.equal(proxy.exchanges.length, 3, 'at 0 s, 4 s and 8 s, and no more after 10 s')
  const nobody = s3Lake({ ...at('http://127.0.0.1:1'), tempDir: t.testdir(), retryForMs: 0 })
  await t.rejects(nobody.get('raw/x'), { message: 'Lake get raw/x failed: ECONNREFUSED' })
  await t.rejects(nobody.list(''), { message: 'Lake list failed: ECONNREFUSED' })
})

t.test('of objects that cannot be removed the code is told, and what passes is tried again', async (t) => {
  const { endpoint: upstream, undeletable } = await startFakeS3(t)
  const { lake, proxy } = await behindFaults(
    t,
    ({ method }) => {
      if (method === 'POST' && proxy.exchanges.length > 5) undeletable.clear()
      return undefined
    },
    { upstream },
  )
  await lake.put('raw/a', rows)
  await lake.put('raw/b', rows)
  undeletable.set('raw/b', 'AccessDenied')
  await t.rejects(lake.remove(['raw/a', 'raw/b']), { message: 'Lake remove raw/a failed: AccessDenied' })
  t.equal(proxy.exchanges.length, 3, 'one attempt')
  undeletable.set('raw/b', 'InternalError')
  await lake.remove(['raw/b'])
  t.equal(proxy.exchanges.length, 6, 'until it worked')
  t.strictSame(await lake.list(''), [])
})

t.test('calls share connections, and no more are open than allowed', async (t) => {
  const { lake, proxy } = await behindFaults(t, () => undefined)
  for (let n = 0; n < 20; n += 1) {
    await lake.put(`raw/${n}`, rows)
    await lake.get(`raw/${n}`)
  }
  t.equal(proxy.connections(), 1)
  const opened = await Promise.all(Array.from({ length: 60 }, (_, n) => lake.open(`raw/${n % 20}`)))
  t.equal(opened.filter((each) => each !== undefined).length, 60)
  t.ok(proxy.connections() <= 16, `${proxy.connections()} connections`)
  await Promise.all(opened.map((each) => each?.release()))
})

t.test('opened objects fit into their room, or are refused', async (t) => {
  const { lake, tempDir } = await behindFaults(t, () => undefined, { maxTempBytes: 2 * rows.length })
  await lake.put('raw/x', rows)
  const first = await lake.open('raw/x')
  const second = await lake.open('raw/x')
  await t.rejects(lake.open('raw/x'), {
    code: 'lake_failed',
    message: 'No room for 20000 bytes: 40000 bytes of opened objects are held locally, at most 40000',
  })
  await first?.release()
  await first?.release()
  const third = await lake.open('raw/x')
  await t.rejects(lake.open('raw/x'), { code: 'lake_failed' }, 'what was released twice made room once')
  await Promise.all([second?.release(), third?.release()])
  t.strictSame(readdirSync(tempDir), [])
})

/** Faults at random, the same for the same seed; most exchanges pass. */
function storm(seed: number): Choose {
  const { uniform } = seededEntropy(seed)
  return ({ method }) => {
    const [, fault] = passing[Math.floor(uniform() * passing.length * 3)] ?? []
    // The answer to a HEAD has no body, in which a 400 could say that it passes.
    return method === 'HEAD' && fault?.kind === 'answer' && fault.status === 400 ? undefined : fault
  }
}

async function weather(t: Test, upstream?: string): Promise<void> {
  const { lake, truth, proxy } = await behindFaults(t, storm(7), {
    retryForMs: 60_000,
    ...(upstream && { upstream }),
  })
  const bodyOf = (key: string, writer: number) => Buffer.from(`${key} by ${writer}\n`.repeat(500))
  const keys = Array.from({ length: 40 }, (_, n) => `raw/k${String(n).padStart(2, '0')}`)

  const plain = keys.map((key) => lake.put(key, bodyOf(key, 0)))
  const raced = keys.flatMap((key, n) =>
    [1, 2, 3].map(async (writer) => {
      const outcome = await lake.put(`m/${n}`, bodyOf(key, writer), { ifAbsent: true })
      return { n, writer, outcome }
    }),
  )
  t.strictSame(new Set(await Promise.all(plain)), new Set(['stored']))
  const outcomes = await Promise.all(raced)
  for (const [n, key] of keys.entries()) {
    t.ok((await truth.get(key))?.equals(bodyOf(key, 0)), `${key} is whole`)
    const winners = outcomes.filter((each) => each.n === n && each.outcome === 'stored')
    t.equal(winners.length, 1, `m/${n} has one creator`)
    t.ok((await truth.get(`m/${n}`))?.equals(bodyOf(key, winners[0]?.writer ?? 0)), 'whose bytes are there')
  }
  t.strictSame(
    (await lake.list('raw/')).map(({ key }) => key),
    keys,
    'each once, and nothing else',
  )
  t.equal((await truth.list('')).length, 80)
  t.ok(proxy.exchanges.length > 200, `${proxy.exchanges.length} exchanges for 160 puts`)
}

t.test('in a storm of faults every put that resolved is there with its bytes, once', (t) => weather(t))

t.test('and so it is in a server by other people', { skip: versitygw.skip }, async (t) =>
  weather(t, await versitygw.start(t)),
)
