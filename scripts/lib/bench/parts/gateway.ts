import type { Case } from '../measure/cases.ts'
import { type Bench, measure } from '../measure/measure.ts'
import type { BenchOptions } from '../measure/options.ts'
import { startFluentBit, startNodeRival, startOtelCollector } from '../target/rivals.ts'
import { type LoadTarget, startHeadgateTarget } from '../target/target.ts'
import type { Encoding } from '../workload/body.ts'
import { outageCase } from './outage.ts'

const SIZES = [1, 25, 250]

/** In the order in which they run: those that are compared run one after the other, so that both meet the same machine. */
export function gatewayCases(bench: Bench, options: BenchOptions): readonly Case[] {
  const { fluentBit, otelCollector } = options
  const cases = SIZES.flatMap((size) => [
    postCase(bench, 'node:http', size, () => startNodeRival('node-http', bench)),
    postCase(bench, 'fastify', size, () => startNodeRival('fastify', bench)),
    postCase(bench, 'headgate', size, () => startHeadgateTarget(bench)),
    postCase(bench, 'headgate', size, () => startHeadgateTarget(bench), 'gzip'),
    postCase(bench, 'tutorial', size, () => startNodeRival('tutorial', bench)),
    ...(fluentBit ? [postCase(bench, 'fluent-bit', size, () => startFluentBit(fluentBit, bench))] : []),
    ...(otelCollector
      ? [postCase(bench, 'otel-collector', size, () => startOtelCollector(otelCollector, bench))]
      : []),
  ])
  return [...cases, outageCase(bench, options)]
}

/** A server of its own for each case, so that none inherits another's memory or compiled code. */
export function postCase(
  bench: Bench,
  target: string,
  eventsPerPost: number,
  start: () => Promise<LoadTarget>,
  encoding: Encoding = 'plain',
): Case {
  return {
    name: `${target}/${eventsPerPost}/${encoding}`,
    async run() {
      const started = await start()
      try {
        return await measure(started, { eventsPerPost, encoding }, bench)
      } finally {
        await started.stop()
      }
    },
  }
}
