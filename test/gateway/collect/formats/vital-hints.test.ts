import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { vitalNameHints } from '../../../../src/event/vital-names.ts'
import { vitalHints } from '../../../../src/gateway/collect/formats/vital-hints.ts'
import { judgeAll } from '../../../../src/gateway/collect/verdicts.ts'

const MEBIBYTE = 1_048_576
const lcp = { name: 'LCP', value: 1_200, id: 'v6-1', rating: 'good', attribution: {}, delta: 3 }
const inMs = 'unit: LCP is in ms, and was taken so whatever its unit says'

test('who sends metrics of web-vitals otherwise than the library does is told what became of them', async (t) => {
  for (const [what, metric, hints] of [
    ['as the library does', lcp, []],
    ['in its unit', { ...lcp, unit: 'ms' }, []],
    ['in one that is converted', { ...lcp, unit: 's' }, []],
    ['without one', { ...lcp, unit: '' }, []],
    ['in a word', { ...lcp, unit: 'seconds' }, [`${inMs}; did you mean "s"?`]],
    ['in a word for its unit', { ...lcp, unit: 'milliseconds' }, [inMs]],
    ['in a letter that may be its unit', { ...lcp, unit: 'm' }, [inMs]],
    ['in another unit', { ...lcp, unit: '1' }, [inMs]],
    [
      'a name in small letters',
      { ...lcp, name: 'lcp' },
      ['name: did you mean "LCP"? Only so it becomes browser.web_vital.lcp.'],
    ],
    [
      'letters in another order',
      { ...lcp, name: 'LPC' },
      ['name: did you mean "LCP"? Only so it becomes browser.web_vital.lcp.'],
    ],
    ['a metric that is none of these', { ...lcp, name: 'FMP' }, []],
    ['a metric of its own', { name: 'cart', value: 1, unit: 'seconds' }, []],
    ['one with a longer name', { name: 'longtask', value: 1 }, []],
    ['no name', { LCP: 3 }, []],
    ['an addition', { ...lcp, colour: 'red', page_route: '/' }, []],
    [
      'additions that are columns',
      { ...lcp, page: '/', url: 'x', tags: {} },
      [
        '"page" was kept as an attribute; did you mean "page_route"?',
        '"url" was kept as an attribute; did you mean "page_url"?',
        '"tags" was left out; did you mean "attributes"?',
      ],
    ],
    [
      'what only the gateway sets',
      { ...lcp, device_type: 'mobile' },
      [
        '"device_type" was kept as an attribute; only the gateway sets the column of that name, from the User-Agent header',
      ],
    ],
    ['beside the column', { ...lcp, page: '/', page_route: '/' }, []],
    ['no metric', 5, []],
  ] as const)
    t.same(vitalHints([metric, metric]), hints, what)
})

test('an event whose name is nearly that of a web vital is told so', async (t) => {
  const meant = (vital: string) => [
    `name: did you mean "browser.web_vital.${vital}"? Only so it is a web vital.`,
  ]
  for (const [name, hints] of [
    ['browser.web_vital.lcp', []],
    ['browser.web_vital.LCP', meant('lcp')],
    ['browser.web_vital.lpc', meant('lcp')],
    ['browser.web_vital.custom', []],
    ['Lcp', meant('lcp')],
    ['ttbf', meant('ttfb')],
    ['fmp', []],
    ['checkout.items', []],
  ] as const) {
    const { accepted, ...others } = judgeAll([name, name].map((name) => ({ name, value: 500, unit: 'ms' })))
    t.same(vitalNameHints({ accepted, ...others }), hints, name)
  }
})

test('of names that are too long for a web vital nothing is remembered', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  /** What buffers held is given back only in a later turn. */
  const heldBytes = async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      collect()
      await new Promise(setImmediate)
    }
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = await heldBytes()
  for (let at = 0; at < 100; at += 1) {
    const name = Buffer.alloc(MEBIBYTE, `${at}.`).toString('latin1')
    const { accepted, ...others } = judgeAll([{ name, value: 500, unit: 'ms' }])
    t.same([vitalHints([{ ...lcp, name }]), vitalNameHints({ accepted, ...others })], [[], []])
  }
  t.ok((await heldBytes()) - before < 20 * MEBIBYTE, 'of a hundred MiB')
})
