import type { Test } from 'tap'
import type { Sink, SinkRecord } from '../../src/gateway/deliver/sinks/stream.ts'

export interface OpenedStream {
  readonly stream: Sink
  /** The lines that the sink holds, in any order. */
  stored(): Promise<readonly string[]>
}

/** A record of these lines, with a partition key that spreads them. */
export const recordOf = (lines: readonly string[], receivedMs = 0): SinkRecord => ({
  data: Buffer.from(lines.map((line) => `${line}\n`).join('')),
  lines: lines.length,
  partitionKey: `key-${lines[0]?.slice(0, 32)}`,
  receivedMs,
})

export const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')

const live = () => new AbortController().signal
const kindsOf = (outcomes: readonly { readonly kind: string }[]) => outcomes.map(({ kind }) => kind)

/** What every stream keeps to, whatever is behind it. */
export function streamContract(t: Test, name: string, open: (t: Test) => Promise<OpenedStream>): void {
  t.test(`${name} keeps the contract of a stream`, async (t) => {
    t.test('has one outcome per record, and holds what it calls stored', async (t) => {
      const { stream, stored } = await open(t)
      const outcomes = await stream.put([recordOf(['a', 'b']), recordOf(['c'])], live())
      t.strictSame(outcomes, [{ kind: 'stored' }, { kind: 'stored' }])
      t.strictSame([...(await stored())].sort(), ['a', 'b', 'c'])
    })

    t.test('has no outcome for no record', async (t) => {
      const { stream, stored } = await open(t)
      t.strictSame(await stream.put([], live()), [])
      t.strictSame(await stored(), [])
    })

    t.test('keeps text byte for byte', async (t) => {
      const { stream, stored } = await open(t)
      const line = JSON.stringify({ text: 'Grüße, 東京 \u2028 🚦 \u0000 \\n' })
      t.strictSame(kindsOf(await stream.put([recordOf([line])], live())), ['stored'])
      t.strictSame(await stored(), [line])
    })

    t.test('takes 500 records at once', async (t) => {
      const { stream, stored } = await open(t)
      const lines = Array.from({ length: 500 }, (_, index) => `line-${index}`)
      const outcomes = await stream.put(
        lines.map((line) => recordOf([line])),
        live(),
      )
      t.strictSame(kindsOf(outcomes), Array(500).fill('stored'))
      t.strictSame([...(await stored())].sort(), [...lines].sort())
    })

    t.test('takes a record of 1,000 KiB', async (t) => {
      const { stream, stored } = await open(t)
      const line = 'x'.repeat(1_023_999)
      t.strictSame(kindsOf(await stream.put([recordOf([line])], live())), ['stored'])
      t.strictSame(await stored(), [line])
    })

    t.test('takes several calls at a time', async (t) => {
      const { stream, stored } = await open(t)
      const names = ['first', 'second', 'third', 'fourth', 'fifth']
      const outcomes = await Promise.all(names.map((name) => stream.put([recordOf([name])], live())))
      t.strictSame(kindsOf(outcomes.flat()), Array(5).fill('stored'))
      t.strictSame([...(await stored())].sort(), [...names].sort())
    })

    t.test('calls nothing stored in a put that was aborted before, and does not reject', async (t) => {
      const { stream } = await open(t)
      const outcomes = await stream.put([recordOf(['late']), recordOf(['later'])], AbortSignal.abort())
      t.strictSame(kindsOf(outcomes), ['transient', 'transient'])
    })

    t.test('closes more than once', async (t) => {
      const { stream } = await open(t)
      await stream.put([recordOf(['last'])], live())
      await stream.close()
      await t.resolves(stream.close())
    })
  })
}
