import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { sourceConstants } from '../../scripts/lib/docs/constants.ts'
import { bounds, inWords, limitsPage } from '../../scripts/lib/docs/docs-limits.ts'
import { problems } from '../../src/http/problems.ts'

test('a number is told in the unit that its name ends in', async (t) => {
  for (const [name, value, unit, words] of [
    ['MAX_BODY_BYTES', 4_194_304, undefined, '4 MiB'],
    ['MAX_BYTES', 5 * 1_024 ** 3, undefined, '5 GiB'],
    ['RECORD_TARGET_BYTES', 50_000, undefined, '50,000 bytes'],
    ['ROOM_BYTES_AN_EVENT', 1_024, undefined, '1 KiB'],
    ['PIPELINE_LIMITS.heldBytes', 67_108_864, undefined, '64 MiB'],
    ['MAX_EVENT_AGE_MS', 86_400_000, undefined, '24 h'],
    ['ENROLMENT_LIFE_MS', 7_776_000_000, undefined, '90 days'],
    ['GRACE_MS', 90_000, undefined, '90 s'],
    ['ASK_EVERY_MS', 100, undefined, '100 ms'],
    ['MAX_SESSION_SECONDS', 3_600, undefined, '1 h'],
    ['MAX_TEXT_CHARS', 2_048, undefined, '2,048 characters'],
    ['MAX_CLIENTS', 125, 'clients', '125 clients'],
    ['ALL_SENDERS_SHARE', 0.95, 'share', '95 %'],
    ['MAX_VALUE', 1_000_000, '', '1,000,000'],
    ['MAX_CALLS', 16, undefined, '16'],
  ] as const)
    t.equal(inWords({ name, value }, unit), words, name)
})

test('a number is worked out as the program does it', async (t) => {
  const dir = t.testdir({
    'one.ts': `import { DAY_MS, type Other } from './other.ts'
/** Of old. */

/**
 * Two
 * lines.
 */
export const MAX_AGE_MS = 7 * DAY_MS
const MAX_BYTES = (2 + 1_024 ** 3 - 2) / 1_024
const NAME = 'text'
const COPY = MAX_BYTES
const NONE = NAME * 2
const LIMITS = { waiting: 1_024, name: NAME }
`,
    'other.ts': 'export type Other = 1\nexport const DAY_MS = 86_400_000\n',
  })
  const file = join(dir, 'one.ts')
  const constants = sourceConstants()
  t.same(constants.of(file), [
    { file, name: 'MAX_AGE_MS', value: 604_800_000, comment: 'Two lines.' },
    { file, name: 'MAX_BYTES', value: 1_048_576, comment: '' },
    { file, name: 'COPY', value: 1_048_576, comment: '' },
  ])
  t.equal(constants.at(file, 'LIMITS.waiting').value, 1_024)
  for (const name of ['LIMITS.name', 'LIMITS.gone', 'LIMITS', 'GONE', 'NONE'])
    t.throws(() => constants.at(file, name), /has no number that is named/, name)
})

test('what the page tells is what the program has', async (t) => {
  const exported = new Map<string, unknown>()
  for (const file of new Set(bounds().map(({ file }) => file))) {
    if (file.endsWith('-child.ts')) continue
    const module: object = await import(join(process.cwd(), file))
    for (const [name, value] of Object.entries(module)) exported.set(`${file} ${name}`, value)
  }
  const compared = bounds().filter(({ file, name }) => exported.has(`${file} ${name}`))
  t.ok(compared.length > 80, `${compared.length} numbers are compared`)
  for (const { file, name, value } of compared) t.equal(value, exported.get(`${file} ${name}`), name)
})

/** What a client meets of them another limit tells, or the answer itself. */
const INNER = [
  'http/problems.ts RETRY_AFTER_MAX_MS',
  'http/problems.ts RETRY_AFTER_MIN_MS',
  'http/server.ts CONNECTIONS_CHECK_MS',
  'http/server.ts MAX_PARAM_LENGTH',
  'http/unread.ts LEAST_PIECE_BYTES',
]

test('whatever bounds a connection is told to its client', async (t) => {
  const [told = ''] = limitsPage().split('\n## Inside')
  const files = readdirSync('src/http').filter((name) => name.endsWith('.ts'))
  const exported: string[] = []
  for (const file of files) {
    const module: object = await import(join(process.cwd(), 'src/http', file))
    for (const [name, value] of Object.entries(module)) {
      const isBound = /^(MAX|LEAST)_|_(MS|BYTES|LIMITS|CONNECTIONS)$/.test(name)
      const own = typeof value === 'number' ? [name] : Object.keys(value).map((key) => `${name}.${key}`)
      if (isBound) exported.push(...own.map((each) => `http/${file} ${each}`))
    }
  }
  t.ok(exported.length >= 20, `${exported.length} bounds are looked for`)
  const isTold = (bound: string) => {
    const [file, name] = bound.split(' ')
    return told.includes(`[\`${name}\`](../src/${file})`)
  }
  t.same(
    exported.filter((bound) => !isTold(bound) && !INNER.includes(bound)),
    [],
  )
})

test('every bound says why it is so much', async (t) => {
  const all = bounds()
  t.ok(all.length > 200, `${all.length} bounds are looked at`)
  t.same(
    all.filter(({ comment }) => comment === '').map(({ file, name }) => `${file} ${name}`),
    [],
  )
})

test('each way to be too much or too slow is on the page', async (t) => {
  const page = limitsPage()
  const codes = Object.entries(problems).filter(([, { status }]) =>
    [408, 413, 414, 429, 431].includes(status),
  )
  t.ok(codes.length >= 8, `${codes.length} codes are looked for`)
  t.same(
    codes.filter(([code]) => !page.includes(`\`${code}\``)).map(([code]) => code),
    [],
  )
})
