import { hash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setImmediate as nextLoopRound } from 'node:timers/promises'
import { grownBytes, mostStoredBytes } from '../../../event/schema/growth.ts'
import { EVENT_TOO_LARGE, MAX_EVENT_BYTES } from '../../../event/verdict.ts'
import type { Lake, LakeObject } from '../../../lake/lake.ts'
import { deadKey, quarantinedName, type RawObject, rawKey } from '../../../lake/layout.ts'
import { HOUR_MS } from '../../../std/durations.ts'
import { AppError } from '../../../std/errors.ts'
import { FILE_MODE } from '../../../std/files/files.ts'
import { kindOf, notLines } from '../compact/gunzip.ts'
import { isInflateError } from '../compact/inflate-files.ts'
import { copyAside, deadSource } from '../objects/set-aside.ts'
import { createAttribution, type DirectApp, type TokenOutcome } from './attribution.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { type BuildDirectLine, createDirectLineBuilder } from './direct-lines.ts'
import { type JudgedLine, judgeLine, rejectedLine } from './judge-line.ts'
import { type Line, objectLines } from './object-lines.ts'
import type { RecordVerifier } from './record-verifier.ts'

/** An object of the quarantine, and the app that its folder names. */
export interface DirectObject extends LakeObject, RawObject {
  readonly app: DirectApp
}

export interface TakeTools {
  readonly lake: Lake
  readonly verifier: RecordVerifier
  /** Local folder of this call. */
  readonly folder: string
  /** The most events that are taken from one object; the rest is counted. */
  readonly maxEvents: number
  readonly signal: AbortSignal
}

export interface TakenObject {
  /** Events that were stored, by what came of the token of their record. */
  readonly stored: ReadonlyMap<TokenOutcome, number>
  readonly clockReplaced: number
  readonly rejected: DeadLetters['counts']
  /** Where the object lies, whole, if it could not be read to its end. */
  readonly keptIn: string | undefined
}

/** So many events may be judged, and so much may be written, before others of the process have their turn. */
const EVENTS_A_ROUND = 64
const PIECE_CHARS = 65_536

/** Firehose keeps an object open for so long: https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html */
const MAX_OPEN_MS = 900_000

/**
 * Moves what an object of the quarantine holds to where engines read it, judged. The same object gives the same lines
 * under the same key, so it can be done again after a crash at any step; if the lines were compacted meanwhile, their key
 * is in the index, and they are not counted twice. Undefined when another was faster.
 */
export async function takeObject(object: DirectObject, tools: TakeTools): Promise<TakenObject | undefined> {
  const { lake, folder } = tools
  const file = await lake.open(object.key)
  if (file === undefined) return undefined
  const path = join(folder, 'direct.ndjson')
  const deadLetters = createDeadLetters()
  const tally: LineCounts = {
    stored: new Map(),
    clockReplaced: 0,
    events: 0,
    roomBytes: mostStoredBytes(0, 0),
    isBroken: false,
  }
  try {
    const reading = { tools, deadLetters, tally }
    const stranger = await notLines(file.path)
    if (stranger === undefined) {
      const lines = storedLines(object, file.path, reading)
      await pipeline(lines, createWriteStream(path, { mode: FILE_MODE }))
      if (await isUnreadable(file.path, reading)) addBroken(reading, UNREADABLE)
    } else addBroken(reading, `${stranger}. The object lies beside this as a whole.`)
  } finally {
    await file.release()
  }
  // By the whole key: it tells an object from one that differs in its ending, and from what an ingest writes.
  const id = hash('sha256', object.key, 'hex').slice(0, 32)
  const name = `q-${id}`
  const place = { arrivalMs: object.arrivalMs, name, extension: 'ndjson' } as const
  const dead = deadLetters.body()
  if (dead) await lake.put(deadKey({ ...place, source: deadSource(object.source) }), dead)
  const keptIn = tally.isBroken ? await keepWhole(object, name, tools) : undefined
  const { source, storedMs } = object
  const stored = { ...place, source, name: quarantinedName(id, storedMs) }
  if (tally.stored.size > 0) await lake.putFile(rawKey(stored), path)
  await lake.remove([object.key])
  return { ...tally, rejected: deadLetters.counts, keptIn }
}

/** As what cannot be read cannot be scrubbed, it is as it was. */
async function keepWhole(object: DirectObject, name: string, tools: TakeTools): Promise<string> {
  const { arrivalMs, extension } = object
  const source = deadSource(object.source)
  const key = deadKey({ arrivalMs, source, name: `${name}-whole`, extension })
  await copyAside(object.key, key, tools)
  return key
}

interface LineCounts {
  readonly stored: Map<TokenOutcome, number>
  clockReplaced: number
  events: number
  /** What may still be written: each line that was read brings some (event/schema/growth.ts). */
  roomBytes: number
  /** Whether something of the object is nothing that can be read. */
  isBroken: boolean
}

interface Reading {
  readonly tools: TakeTools
  readonly deadLetters: DeadLetters
  readonly tally: LineCounts
}

async function* storedLines(object: DirectObject, path: string, reading: Reading): AsyncGenerator<string> {
  const { tools, deadLetters, tally } = reading
  const { app, arrivalMs } = object
  const attribute = createAttribution(app, arrivalMs, tools.verifier)
  const judging = {
    ...reading,
    attribute,
    seal: createDirectLineBuilder(app, { key: object.key, receivedMs: receivedMs(object) }),
  }
  try {
    const isEnough = () => tally.events >= tools.maxEvents
    for await (const { lines, unread } of objectLines(path, isEnough)) {
      if (tools.signal.aborted) throw new AppError('cancelled', 'Cancelled while direct records were read')
      if (unread > 0) deadLetters.add({ reason: 'too_many_events', detail: TOO_MANY, events: unread })
      let stored = ''
      for (const line of lines) {
        stored += await storedLine(line, judging)
        if (stored.length < PIECE_CHARS) continue
        yield stored
        stored = ''
      }
      if (stored !== '') yield stored
    }
  } catch (error) {
    if (!isInflateError(error)) throw error
    addBroken(reading, BROKEN)
  }
}

function addBroken({ deadLetters, tally }: Reading, detail: string): void {
  tally.isBroken = true
  deadLetters.add({ reason: 'broken_object', detail, events: 1 })
}

/** Not for a record that is no text among others: nothing of it is an event. */
const isUnreadable = async (path: string, { deadLetters, tally }: Reading): Promise<boolean> =>
  tally.stored.size === 0 && deadLetters.counts.size > 0 && (await kindOf(path)) === 'other'

interface Judging extends Reading {
  readonly attribute: ReturnType<typeof createAttribution>
  readonly seal: BuildDirectLine
}

/** What is stored of a line: of its events those that fit, the others are counted. */
async function storedLine(line: Line, judging: Judging): Promise<string> {
  const { deadLetters, tally, attribute } = judging
  const { accepted, rejected, token } = judged(line, judging)
  for (const each of rejected) deadLetters.add(each, line)
  if (accepted.length === 0) return ''
  tally.roomBytes += grownBytes(line.bytes.length, accepted.length)
  const whose = await attribute(token)
  let lines = ''
  let count = 0
  for (const [place, event] of accepted.entries()) {
    if (place % EVENTS_A_ROUND === EVENTS_A_ROUND - 1) await nextLoopRound()
    const { stored, clockReplaced } = judging.seal(event.measurement, whose, {
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

function judged(line: Line, { tally }: Reading): JudgedLine {
  if (line.isTooLong) return rejectedLine('line_too_long', TOO_LONG)
  const found = judgeLine(line.bytes)
  tally.events += found.accepted.length + found.rejected.length
  return found
}

const BROKEN = 'The object breaks off or is damaged: it lies beside this as a whole.'
const UNREADABLE = 'The object is neither lines nor gzip: it lies beside this as a whole.'
const TOO_LONG = 'The line is longer than a record may be: does Firehose part records by line ends?'
const TOO_MUCH =
  'The object would take many times its own size once stored: a context is stored with each event.'
const TOO_MANY = 'The object holds more lines than are read of one.'

/** Nobody tells when a record arrived: in the hour of the object or while it was open, and not after it was stored. */
function receivedMs({ arrivalMs, modifiedMs }: DirectObject): number {
  return Math.max(arrivalMs, Math.min(modifiedMs, arrivalMs + HOUR_MS + MAX_OPEN_MS))
}
