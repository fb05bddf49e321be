import { parseArgs } from 'node:util'

export type BenchCommand = 'gateway' | 'growth' | 'rollup' | 'credentials' | 'queries'

export interface BenchOptions {
  readonly command: BenchCommand
  /** Length of a measured run. */
  readonly seconds: number
  /** Only cases whose name holds one of these. Empty: all. */
  readonly only: readonly string[]
  readonly repeat: number
  readonly connections: number
  /** Server and load wherever the scheduler puts them. */
  readonly unpinned: boolean
  /** How long the sink refuses in the case `outage`. */
  readonly outageSeconds: number
  readonly rows: number
  /** Bytes of the backlog that growth builds up. */
  readonly backlogBytes: number
  readonly fluentBit: string | undefined
  readonly otelCollector: string | undefined
  /** Folder for a CPU profile of each Headgate that is measured. */
  readonly cpuProf: string | undefined
  readonly json: string | undefined
}

const COMMANDS: readonly BenchCommand[] = ['gateway', 'growth', 'rollup', 'credentials', 'queries']

/** Throws with a sentence for whoever typed it. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '8' },
      only: { type: 'string', default: '' },
      repeat: { type: 'string', default: '1' },
      connections: { type: 'string', default: '64' },
      unpinned: { type: 'boolean', default: false },
      outage: { type: 'string', default: '60' },
      rows: { type: 'string', default: '2000000' },
      backlog: { type: 'string', default: '1024' },
      'fluent-bit': { type: 'string' },
      'otel-collector': { type: 'string' },
      'cpu-prof': { type: 'string' },
      json: { type: 'string' },
    },
  })
  const [word = 'gateway', ...rest] = positionals
  const command = COMMANDS.find((each) => each === word)
  if (command === undefined || rest.length > 0) throw new Error(`knows ${COMMANDS.join(', ')}, one at a time`)
  return {
    command,
    seconds: positive('seconds', values.seconds),
    only: values.only.split(',').filter(Boolean),
    repeat: positive('repeat', values.repeat),
    connections: positive('connections', values.connections),
    unpinned: values.unpinned,
    outageSeconds: positive('outage', values.outage),
    rows: positive('rows', values.rows),
    backlogBytes: positive('backlog', values.backlog) * 2 ** 20,
    fluentBit: values['fluent-bit'],
    otelCollector: values['otel-collector'],
    cpuProf: values['cpu-prof'],
    json: values.json,
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} takes a positive whole number, not ${text}`)
  return value
}
