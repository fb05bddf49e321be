import t from 'tap'
import { parseConfig } from '../../../src/config/parse.ts'
import {
  diesWithUs,
  isAtRisk,
  maxBacklogBytes,
  stopTimes,
} from '../../../src/gateway/deliver/shutdown-policy.ts'

const MIB = 1_048_576

t.test(
  'what no later process finds has half of the time to reach the lake, and more where it is left',
  async (t) => {
    const kept = {}
    const ephemeral = { journal: { ephemeral: true } }
    const memory = { durability: 'memory' }
    const rows: [rule: string, gateway: object, withinMs: number, times: object][] = [
      ['a journal that is kept can wait', kept, 20_000, { drainMs: 15_000 }],
      ['but for the deadline', kept, 4_000, { drainMs: 4_000 }],
      ['one that is not is handed over', ephemeral, 97_000, { drainMs: 15_000, handOverMs: 82_000 }],
      ['with little time left, half of it', ephemeral, 12_000, { drainMs: 6_000, handOverMs: 6_000 }],
      ['without any, none', ephemeral, 0, { drainMs: 0, handOverMs: 0 }],
      ['memory is no better', memory, 20_000, { drainMs: 10_000, handOverMs: 10_000 }],
    ]
    for (const [rule, gateway, withinMs, times] of rows) {
      const config = parseConfig({ gateway }, {})
      t.strictSame(stopTimes(config, withinMs), times, rule)
      t.equal(diesWithUs(config.gateway), gateway !== kept, rule)
    }
  },
)

t.test('at risk is what no other process may find', async (t) => {
  const ephemeral = { journal: { ephemeral: true } }
  const rows: [gateway: object, expected: boolean][] = [
    [{}, false],
    [ephemeral, true],
    [{ durability: 'memory' }, true],
    [{ durability: 'stream' }, true],
    [{ durability: 'stream', ...ephemeral }, true],
  ]
  for (const [gateway, expected] of rows) {
    t.equal(isAtRisk(parseConfig({ gateway }, {}).gateway), expected, JSON.stringify(gateway))
  }
})

t.test('the backlog is bounded by half of the journal, and by what can be handed over', async (t) => {
  const rows: [maxBytes: string, ephemeral: boolean, bytes: number][] = [
    ['4GiB', false, 2_048 * MIB],
    ['4GiB', true, 128 * MIB],
    ['64MiB', true, 32 * MIB],
  ]
  for (const [maxBytes, ephemeral, bytes] of rows) {
    const { gateway } = parseConfig({ gateway: { journal: { maxBytes, ephemeral } } }, {})
    t.equal(maxBacklogBytes(gateway), bytes, `${maxBytes} ${ephemeral}`)
  }
})
