import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setImmediate as nextLoopRound } from 'node:timers/promises'
import { grownBytes, mostStoredBytes } from '../../../event/schema/growth.ts'
import { EVENT_TOO_LARGE, MAX_EVENT_BYTES } from '../../../event/verdict.ts'
import type { LakeObject } from '../../../lake/lake.ts'
import type { RawObject } from '../../../lake/layout.ts'
import { createYielder, runYielding, type Yielder } from '../../../std/async/yielding.ts'
import { HOUR_MS } from '../../../std/durations.ts'
import { AppError } from '../../../std/errors.ts'
import { FILE_MODE } from '../../../std/files/files.ts'
import { kindOf, notLines } from '../compact/gunzip.ts'
import { isInflateError } from '../compact/inflate-files.ts'
import { createAttribution, type DirectApp, type TokenOutcome } from './attribution.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { type BuildDirectLine, createDirectLineBuilder } from './direct-lines.ts'
import { type JudgedLine, judgeLine, rejectedLine } from './judge-line.ts'
import { isTooLarge, type Line, type LineChunk, type ObjectContent, objectLines } from './object-lines.ts'
import type { RecordVerifier } from './record-verifier.ts'

/** An object of the quarantine, and the app that its folder names. */
export interface DirectObject extends LakeObject, RawObject {
  readonly app: DirectApp
}

export interface ObjectReadTools {
  readonly verifier: RecordVerifier
  /** Local folder of this call. */
  readonly folder: string
  /** The most events that are taken from one object; the rest is counted. */
  readonly maxEvents: number
  readonly signal: AbortSignal
}

/** So many events may be judged, and so much may be written, before others of the process have their turn. */
const EVENTS_A_ROUND = 64
const PIECE_CHARS = 65_536

/** Firehose keeps an object open for so long: https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html */
const MAX_OPEN_MS = 900_000

interface LineCounts {
  readonly stored: Map<TokenOutcome, number>
  clockReplaced: number
  events: number
  /** What may still be written: each line that was read brings some (event/schema/growth.ts). */
  roomBytes: number
  /** Whether it breaks off, or is no lines at all: then it is kept whole. */
  isBroken: boolean
}

/** What was read of an object. */
export interface ObjectReading {
  readonly tools: ObjectReadTools
  readonly deadLetters: DeadLetters
  readonly tally: LineCounts
  /** Local file of what is stored. */
  readonly path: string
  /** Why there was no more to inflate. */
  fault?: unknown
}

/**
 * By its bytes: a Firehose may be told to compress, and not to call it so, or the other way round. Of an object that is
 * not compressed the first ones are a single sender's, who may begin as gzip does, and must not cost the others theirs:
 * where what follows is no whole gzip, it is lines if any of them is an event.
 */
export async function readObject(
  object: DirectObject,
  path: string,
  tools: ObjectReadTools,
): Promise<ObjectReading> {
  const kind = await kindOf(path)
  if (kind === 'gzip') {
    const inflated = await readAs(object, { path, isGzip: true }, tools)
    if (inflated.fault === undefined) return inflated
    const plain = await readAs(object, { path, isGzip: false }, tools)
    if (plain.tally.stored.size > 0) return plain
    if (!isInflateError(inflated.fault)) throw inflated.fault
    return broken(inflated, BROKEN)
  }
  const plain = await readAs(object, { path, isGzip: false }, tools)
  // Not for a record that is no text among others: nothing of it is an event.
  if (kind !== 'other' || plain.tally.stored.size > 0 || plain.deadLetters.counts.size === 0) return plain
  // What its bytes are between two line ends is no line of anybody.
  return broken(
    { ...plain, deadLetters: createDeadLetters() },
    `${(await notLines(path)) ?? UNREADABLE}. ${KEPT}`,
  )
}

async function readAs(
  object: DirectObject,
  content: ObjectContent,
  tools: ObjectReadTools,
): Promise<ObjectReading> {
  const reading: ObjectReading = {
    tools,
    deadLetters: createDeadLetters(),
    tally: {
      ...{ stored: new Map(), clockReplaced: 0, events: 0, isBroken: false },
      roomBytes: mostStoredBytes(0, 0),
    },
    path: join(tools.folder, content.isGzip ? 'inflated.ndjson' : 'direct.ndjson'),
  }
  const lines = storedLines(object, content, reading)
  await pipeline(lines, createWriteStream(reading.path, { mode: FILE_MODE }))
  return reading
}

async function* storedLines(
  object: DirectObject,
  content: ObjectContent,
  reading: ObjectReading,
): AsyncGenerator<string> {
  const { tools, deadLetters, tally } = reading
  const { app, arrivalMs } = object
  const attribute = createAttribution(app, arrivalMs, tools.verifier)
  const breath = createYielder(tools.signal)
  const judging = {
    ...reading,
    ...{ attribute, breath },
    build: createDirectLineBuilder(app, { key: object.key, receivedMs: receivedMs(object) }),
  }
  const isEnough = () => tally.events >= tools.maxEvents
  let events = 0
  for await (const { lines, unread } of readableLines(content, isEnough, reading)) {
    events += unread
    let stored = ''
    for (const line of lines) {
      stored += await storedLine(line, judging)
      // Short lines that are none cost as much each as long ones, and a chunk holds hundreds of them.
      if (breath.shouldYield()) await breath.yieldNow()
      if (stored.length < PIECE_CHARS) continue
      yield stored
      stored = ''
    }
    if (stored !== '') yield stored
  }
  if (events > 0) deadLetters.add({ reason: 'too_many_events', detail: TOO_MANY, events })
}

/** What can be inflated of what breaks off is judged as well. */
async function* readableLines(
  content: ObjectContent,
  isEnough: () => boolean,
  reading: ObjectReading,
): AsyncGenerator<LineChunk> {
  try {
    for await (const chunk of objectLines(content, isEnough)) {
      if (reading.tools.signal.aborted)
        throw new AppError('cancelled', 'Cancelled while direct records were read')
      yield chunk
    }
  } catch (error) {
    if (!content.isGzip || !(isInflateError(error) || isTooLarge(error))) throw error
    reading.fault = error
  }
}

function broken(reading: ObjectReading, detail: string): ObjectReading {
  reading.tally.isBroken = true
  reading.deadLetters.add({ reason: 'broken_object', detail, events: 1 })
  return reading
}

interface Judging extends ObjectReading {
  readonly attribute: ReturnType<typeof createAttribution>
  readonly build: BuildDirectLine
  readonly breath: Yielder
}

/** What is stored of a line: of its events those that fit, the others are counted. */
async function storedLine(line: Line, judging: Judging): Promise<string> {
  const { deadLetters, tally, attribute } = judging
  const { accepted, rejected, token } = await judged(line, judging)
  for (const each of rejected) deadLetters.add(each, line)
  if (accepted.length === 0) return ''
  tally.roomBytes += grownBytes(line.bytes.length, accepted.length)
  const whose = await attribute(token)
  let lines = ''
  let count = 0
  for (const [place, event] of accepted.entries()) {
    if (place % EVENTS_A_ROUND === EVENTS_A_ROUND - 1) await nextLoopRound()
    const { stored, clockReplaced } = judging.build(event.measurement, whose, {
      line: line.number,
      index: event.index,
    })
    const bytes = Buffer.byteLength(stored)
    if (bytes > tally.roomBytes) {
      deadLetters.add({ reason: 'stored_too_large', detail: TOO_MUCH, events: accepted.length - place }, line)
      break
    }
    if (bytes > MAX_EVENT_BYTES) {
      deadLetters.add({ reason: 'event_too_large', detail: EVENT_TOO_LARGE, events: 1 }, line)
      continue
    }
    tally.roomBytes -= bytes
    if (clockReplaced) tally.clockReplaced++
    lines += stored
    count++
  }
  if (count > 0) tally.stored.set(whose.outcome, (tally.stored.get(whose.outcome) ?? 0) + count)
  return lines
}

async function judged(line: Line, { tally, breath }: Judging): Promise<JudgedLine> {
  if (line.isTooLong) return rejectedLine('line_too_long', TOO_LONG)
  const found = await runYielding(judgeLine(line.bytes), breath)
  tally.events += found.accepted.length + found.rejected.length
  return found
}

const KEPT = 'The object lies beside this as a whole.'
const BROKEN = `It breaks off or is damaged. ${KEPT}`
const UNREADABLE = 'It is neither lines nor gzip'
const TOO_LONG = 'The line is longer than a record may be: does Firehose part records by line ends?'
const TOO_MUCH =
  'The object would take many times its own size once stored: a context is stored with each event.'
const TOO_MANY = 'The object holds more lines than are read of one.'

/** Nobody tells when a record arrived: in the hour of the object or while it was open, and not after it was stored. */
function receivedMs({ arrivalMs, modifiedMs }: DirectObject): number {
  return Math.max(arrivalMs, Math.min(modifiedMs, arrivalMs + HOUR_MS + MAX_OPEN_MS))
}
