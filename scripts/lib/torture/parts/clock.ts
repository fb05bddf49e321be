import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningHeadgate } from '../../demo/headgate.ts'
import { HEALTHY } from '../world/faults.ts'
import type { RunningLoad } from '../world/load.ts'
import { inWorld, type PartResult, type TorturePart, type World } from '../world/world.ts'

const HOUR_MS = 3_600_000
/** How far the gateway's clock is ahead of all others, step by step: each step is a jump under load. */
const SHIFTS_MS = [HOUR_MS, 0, -HOUR_MS, 0, 24 * HOUR_MS, 0, -24 * HOUR_MS]
const EVENTS_PER_SECOND = 1_000
const CONNECTIONS = 16
/** Under load before a jump, so that something is under way in every part of the gateway. */
const LOAD_MS = 2_500
/** Until something that came after the jump must have been delivered: it lingers a second, and Kinesis may refuse a signature once. */
const STALL_MS = 15_000

/** The wall clock jumps while events come in. None may be lost, and none may wait until the clock is right again. */
export function clock({ folder, chanceOf, say }: TorturePart): Promise<PartResult> {
  const file = join(folder, 'clock')
  const chance = chanceOf('load')
  const preload = new URL('./shifted-clock.mjs', import.meta.url).href
  const shifted = { nodeArgs: ['--import', preload], env: { TORTURE_CLOCK_FILE: file } }

  return inWorld('clock', folder, async (world) => {
    let cycle = 0
    const loaded = (gateway: RunningHeadgate): RunningLoad => {
      cycle += 1
      const eventsPerSecond = EVENTS_PER_SECOND
      return world.load({ gateway, cycle, connections: CONNECTIONS, chance, eventsPerSecond })
    }
    let worstMs = 0
    const resumed = async (what: string): Promise<void> => {
      const tookMs = await delivering(world, cycle)
      worstMs = Math.max(worstMs, tookMs ?? STALL_MS)
      if (tookMs === undefined) world.books.violated(`nothing was delivered in ${STALL_MS} ms after ${what}`)
      say(`clock: ${what}, delivering again after ${Math.round(tookMs ?? STALL_MS)} ms`)
    }

    await writeFile(file, '0')
    await world.kinesis.play(HEALTHY)
    let gateway = await world.start(shifted)
    let load = loaded(gateway)
    for (const [i, shiftMs] of SHIFTS_MS.entries()) {
      await sleep(LOAD_MS)
      await writeFile(file, `${shiftMs}`)
      const before = load
      load = loaded(gateway)
      await before.stop()
      await resumed(`a jump of ${(shiftMs - (SHIFTS_MS[i - 1] ?? 0)) / HOUR_MS} h`)
    }
    // And what was written by one clock is read by another.
    const stopped = load.stop()
    await world.kill(gateway)
    await stopped
    await world.auditDead('after a kill with the clock a day behind')
    await writeFile(file, '0')
    gateway = await world.start(shifted)
    load = loaded(gateway)
    await resumed('a start a day ahead of the one before')
    await load.stop()
    await world.auditDrained(gateway, 'at the end')
    world.watchMemory(gateway)
    return { figures: { jumps: SHIFTS_MS.length, worstResumeMs: Math.round(worstMs) } }
  })
}

/** Answers how long it takes until something of the cycle arrives. */
async function delivering({ books, kinesis }: World, cycle: number): Promise<number | undefined> {
  const startMs = performance.now()
  while (performance.now() - startMs < STALL_MS) {
    await kinesis.flush()
    if (books.foundOf(cycle) > 0) return performance.now() - startMs
    await sleep(20)
  }
  return undefined
}
