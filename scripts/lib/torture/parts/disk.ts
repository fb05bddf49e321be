import { execFileSync } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningHeadgate } from '../../demo/headgate.ts'
import { DOWN, HEALTHY } from '../world/faults.ts'
import type { RunningLoad } from '../world/load.ts'
import { inWorld, type PartResult, type TorturePart, type World } from '../world/world.ts'

const DISK_MIB = 48
/** More than the disk has: it is the disk that ends first. */
const JOURNAL_BYTES = 128 * 2 ** 20
const CONNECTIONS = 32
/** So many events must have been refused before the disk counts as full. */
const SHED = 2_000
const FILL_MS = 60_000
const FULL_MS = 2_000
const ALIVE_MS = 2_000
/** For a gateway to take posts again once Kinesis takes records again. */
const RECOVER_MS = 30_000

/**
 * The disk of the data folder fills up while Kinesis is down. Nothing that was acknowledged may be lost, the process must
 * stay and answer, and recover by itself; so must one that is killed and started on the full disk.
 */
export async function disk(part: TorturePart): Promise<PartResult> {
  const dataDir = join(part.folder, 'small-disk')
  await mkdir(dataDir)
  const unmount = mountSmall(dataDir)
  if (unmount === undefined) {
    const skipped = 'NO SMALL DISK: mounting a tmpfs needs root (and CAP_SYS_ADMIN)'
    return { part: 'disk', figures: {}, violations: [], skipped }
  }
  try {
    return await inWorld('disk', part.folder, (world) => fillTwice(world, part), dataDir)
  } finally {
    unmount()
  }
}

async function fillTwice(world: World, { chanceOf, say }: TorturePart): Promise<Partial<PartResult>> {
  const { dataDir, kinesis } = world
  const chance = chanceOf('load')
  let cycle = 0
  const loaded = (gateway: RunningHeadgate): RunningLoad => {
    cycle += 1
    return world.load({ gateway, cycle, connections: CONNECTIONS, chance })
  }

  await kinesis.play(DOWN)
  let gateway = await world.start({ journalBytes: JOURNAL_BYTES })
  let load = loaded(gateway)
  await full(world, load)
  const alive = await answers(gateway, FULL_MS)
  say(`disk: full, ${JSON.stringify(load.counts)}, ${alive} probes answered`)
  const before = load.counts.acknowledged
  await kinesis.play(HEALTHY)
  const recoverMs = await acknowledging(world, load, before)
  say(`disk: taking posts again ${recoverMs} ms after Kinesis was back`)
  await load.stop()
  await world.auditDrained(gateway, 'after the first full disk')

  await kinesis.play(DOWN)
  load = loaded(gateway)
  await full(world, load)
  const stopped = load.stop()
  await world.kill(gateway)
  await stopped
  await world.auditDead('after a kill with the disk full')
  // Not a byte is left when the next one starts, as if somebody else used the disk as well.
  const filler = join(dataDir, 'filler')
  await fill(filler)
  gateway = await world.start({ journalBytes: JOURNAL_BYTES })
  await kinesis.play(HEALTHY)
  const drainMs = await world.auditDrained(gateway, 'after a start on a full disk')
  await rm(filler)
  load = loaded(gateway)
  const resumeMs = await acknowledging(world, load, 0)
  await load.stop()
  await world.auditDrained(gateway, 'at the end')
  world.watchMemory(gateway)
  return { figures: { diskMib: DISK_MIB, probesAnswered: alive, recoverMs, drainMs, resumeMs } }
}

/** Resolves when posts are refused because nothing more can be kept. */
async function full({ books }: World, { counts }: RunningLoad): Promise<void> {
  const deadline = performance.now() + FILL_MS
  while (counts.shed < SHED) {
    if (performance.now() > deadline) return books.violated(`the disk was not full after ${FILL_MS} ms`)
    await sleep(20)
  }
}

/** Asks whether it lives, for so long. Answers how often it said yes; throws when it did not. */
async function answers({ gatewayUrl }: RunningHeadgate, forMs: number): Promise<number> {
  const end = performance.now() + forMs
  let count = 0
  while (performance.now() < end) {
    const answer = await fetch(`${gatewayUrl}/livez`, { signal: AbortSignal.timeout(ALIVE_MS) })
    if (!answer.ok) throw new Error(`/livez answered ${answer.status} with the disk full`)
    count += 1
    await sleep(50)
  }
  return count
}

/** Answers how long it takes until more events are acknowledged than `before`. */
async function acknowledging({ books }: World, { counts }: RunningLoad, before: number): Promise<number> {
  const startMs = performance.now()
  const tookMs = () => Math.round(performance.now() - startMs)
  while (counts.acknowledged <= before) {
    if (tookMs() > RECOVER_MS) {
      books.violated(`no post was taken in ${RECOVER_MS} ms`)
      break
    }
    await sleep(20)
  }
  return tookMs()
}

/** Takes what is left of the disk, to the last byte. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w')
  for (let bytes = 2 ** 20; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    const block = Buffer.alloc(bytes, 1)
    while (
      await file.write(block).then(
        ({ bytesWritten }) => bytesWritten > 0,
        () => false,
      )
    );
  }
  await file.close()
}

/** Undefined where that is not allowed. */
function mountSmall(folder: string): (() => void) | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  const unmount = () => execFileSync('umount', ['--lazy', folder], { stdio: 'ignore' })
  process.once('exit', unmount)
  return () => {
    process.off('exit', unmount)
    unmount()
  }
}
