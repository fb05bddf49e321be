import { type Bench, type Case, type Measured, measure } from './measure.ts'
import { startHeadgateTarget, startRival, type Target } from './target.ts'

const SIZES = [1, 25, 250]

/** In the order in which they run: those that are compared run one after the other. */
export const gatewayCases: readonly Case[] = SIZES.flatMap((eventsPerPost): Case[] => [
  { target: 'node:http', eventsPerPost, encoding: 'plain' },
  { target: 'fastify', eventsPerPost, encoding: 'plain' },
  { target: 'headgate', eventsPerPost, encoding: 'plain' },
  { target: 'headgate', eventsPerPost, encoding: 'gzip' },
  { target: 'tutorial', eventsPerPost, encoding: 'plain' },
])

export const nameOf = ({ target, eventsPerPost, encoding }: Case): string =>
  `${target}/${eventsPerPost}/${encoding}`

/** A server of its own for each case, so that none inherits another's memory or compiled code. */
export async function runCase(which: Case, bench: Bench): Promise<Measured> {
  const target = await start(which.target, bench)
  try {
    return await measure(target, which, bench)
  } finally {
    await target.stop()
  }
}

function start(name: string, { sink, machine }: Bench): Promise<Target> {
  switch (name) {
    case 'headgate':
      return startHeadgateTarget(sink, machine)
    case 'node:http':
      return startRival('node-http.mjs', sink, machine)
    default:
      return startRival(`${name}.mjs`, sink, machine)
  }
}
