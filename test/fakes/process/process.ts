import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { type RunningHeadgate, type StartOptions, startHeadgate } from '../../../scripts/lib/demo/headgate.ts'

/** The built product (dist/) as a user runs it: real processes, real signals, real files. */
const app = { id: 'shop', origins: [] }

export async function start(t: Test, options: Omit<StartOptions, 'app'> = {}): Promise<RunningHeadgate> {
  const headgate = await startHeadgate({ app, ...options })
  t.teardown(async () => {
    await headgate.kill()
    await rm(headgate.dataDir, { recursive: true, force: true })
  })
  return headgate
}

export const post = (headgate: RunningHeadgate, events: readonly object[]) =>
  fetch(`${headgate.gatewayUrl}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-headgate-key': headgate.key },
    body: JSON.stringify(events),
  })

export const eventsNamed = (prefix: string, count: number, more: object = {}) =>
  Array.from({ length: count }, (_, i) => ({
    event_id: `${prefix}-${i}`,
    name: 'page.duration',
    value: i + 1,
    unit: 'ms',
    ...more,
  }))

/** Nothing that is asserted: of a machine that is busy with everything else. */
const PATIENCE_MS = 120_000

export async function until<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS
  while (performance.now() < deadline) {
    const result = await attempt()
    if (result !== undefined) return result
    await sleep(20)
  }
  throw new Error(`${what} did not happen within ${PATIENCE_MS / 1_000} s`)
}

export const delivered = (headgate: RunningHeadgate, count: number) =>
  until(`the delivery of ${count} events`, async () => {
    const totals = await headgate.ask<{ delivered: number }>('/reconcile')
    return totals.delivered >= count ? totals : undefined
  })

export interface RunView {
  readonly id: string
  readonly state: string
}

export const finished = (headgate: RunningHeadgate, id: string) =>
  until(`the end of run ${id}`, async () => {
    const run = await headgate.ask<RunView>(`/aggregations/runs/${id}`)
    return ['succeeded', 'failed', 'cancelled'].includes(run.state) ? run : undefined
  })

export async function aggregate(headgate: RunningHeadgate, body: object = {}): Promise<RunView> {
  const { id } = await headgate.ask<RunView>('/aggregations/run', { method: 'POST', body })
  return finished(headgate, id)
}
