import pino, { type Logger } from 'pino'
import { cut } from './foreign-text.ts'
import { createMetricRegistry, type MetricRegistry } from './metrics/metric-registry.ts'
import { isProgrammerError } from './programming-errors.ts'
import { mendable } from './system-faults.ts'

export type { Logger } from 'pino'

/** What a stage needs to be observed: a log and a metrics registry. One of each per process. */
export interface Telemetry {
  readonly log: Logger
  readonly metrics: MetricRegistry
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

/**
 * JSON lines on `stream` (standard output by default). Errors keep their code, and mistakes of ours their
 * stack; nothing else of a request is ever logged: no key, token, body, address or URL.
 */
export function createTelemetry(level: LogLevel, stream?: { write(line: string): void }): Telemetry {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: errorFields },
  }
  return { log: stream ? pino(options, stream) : pino(options), metrics: createMetricRegistry() }
}

/** What a library says may quote what it was answered. Ours. */
const MAX_MESSAGE_CHARS = 2_000
/** The same, of where it happened: some fifty lines. Ours. */
const MAX_STACK_CHARS = 8_000

/** By name, and no others: Fastify hangs the URL of the request, with the key in it, on an error of its serialiser. */
function errorFields(error: Error): object {
  const { type, message: whole, stack, code } = pino.stdSerializers.err(error)
  const message = cut(whole, MAX_MESSAGE_CHARS)
  return isProgrammerError(error)
    ? { type, message, stack: cut(stack, MAX_STACK_CHARS), code }
    : { type, message, code, why: mendable(error) }
}

/** For tests and one-shot commands: counts, but says nothing. */
export const quietTelemetry = (): Telemetry => createTelemetry('silent')
