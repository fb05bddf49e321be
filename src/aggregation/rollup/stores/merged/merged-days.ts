import { dirname, join } from 'node:path'
import { alignDown, DAY_MS, dayOf } from '../../../../std/durations.ts'
import { unlessRejected } from '../../../../std/expected-errors.ts'
import {
  bestEffort,
  createDurably,
  makeFolder,
  type OpenFile,
  replaceFile,
  syncFolder,
  unlessAbsent,
} from '../../../../std/files/files.ts'
import type { Entropy } from '../../../../std/id.ts'
import { digestOfJson } from '../../../../std/json.ts'
import type { KeptDefinition } from '../../model/definition.ts'
import type { WindowFolder } from '../local-folder.ts'
import {
  type CommittedWindow,
  isDamage,
  type MergedDays,
  type MergeOutcome,
  type RollupSpan,
  type StoredDay,
} from '../store.ts'
import { catalogueBytes, type DayCatalogue, type DayEntry } from './day-catalogue.ts'
import { type MergedOptions, mergedPlace } from './merged-place.ts'
import { windowSource } from './window-source.ts'
import { type DaySource, writeDay } from './write-day.ts'

/** What lies beside a window and is none: what was set aside, or was not moved to its place. */
const BESIDE_WINDOW = /^(\d+)\.rollup\.(?!waiting$)/
const DAY = /^\d{4}-\d\d-\d\d$/

/** A window that counts, and where it lies. */
export interface DayWindow {
  readonly window: CommittedWindow
  readonly path: string
}

export interface MergedDaysOptions extends MergedOptions {
  readonly entropy: Entropy
  readonly windows: Pick<WindowFolder, 'placeOf' | 'days'>
  readonly counted: (range: RollupSpan, signal: AbortSignal) => Promise<readonly DayWindow[]>
  readonly maxGroupBytes?: number | undefined
}

/** The file that holds the sums, if there are any. */
interface Made {
  readonly file: string | undefined
  readonly outcome: MergeOutcome
}

const NOTHING: Made = { file: undefined, outcome: 'unlike' }

interface MergeTask {
  readonly day: RollupSpan
  readonly counted: readonly DayWindow[]
  readonly signal: AbortSignal
}

/**
 * Adds days up. A day's entry is written when its file is there, and counts as long as the folder of its windows is as it was
 * before they were listed: whatever happened meanwhile, and whoever was killed, it names what was added up or nothing.
 */
export function mergedDays(options: MergedDaysOptions): MergedDays {
  const { files, entropy, windows, counted, maxGroupBytes } = options
  const place = mergedPlace(options)
  const namesOf = async (rollup: string) => new Set(await unlessAbsent(files.readdir(place.folderOf(rollup))))
  const isThere = ({ file }: DayEntry, names: ReadonlySet<string>) => file === undefined || names.has(file)

  async function save(rollup: string, days: DayCatalogue): Promise<void> {
    await makeFolder(files, place.folderOf(rollup))
    await replaceFile(files, place.catalogueOf(rollup), catalogueBytes(days))
  }

  async function addedUp({ day, counted, signal }: MergeTask, definition: KeptDefinition): Promise<Made> {
    const { rollup } = day
    const folder = place.folderOf(rollup)
    const name = `${dayOf(day.fromMs)}.${entropy.token(9)}.merged`
    const opened: OpenFile[] = []
    try {
      const sources: DaySource[] = []
      for (const { window, path } of counted) {
        const file = await files.open(path, 'r')
        opened.push(file)
        sources.push({ window, rows: await windowSource(file, path, counted.length) })
      }
      await makeFolder(files, folder)
      let isWritten = false
      await createDurably(files, join(folder, name), async (file) => {
        isWritten = await writeDay(file, { rollup, definition, sources, signal, maxGroupBytes })
      })
      if (isWritten) await syncFolder(files, folder)
      else await files.unlink(join(folder, name))
      return isWritten ? { file: name, outcome: 'merged' } : { ...NOTHING, outcome: 'too_large' }
    } finally {
      for (const file of opened) await bestEffort(file.close())
    }
  }

  /** What its entry says of the sums, and what came of it: where they are there, nothing is to be done. */
  async function madeOf(task: MergeTask, before: DayEntry | undefined) {
    const of = digestOfJson(task.counted.map(({ window }) => window))
    if (before?.of === of && isThere(before, await namesOf(task.day.rollup)))
      return { of, file: before.file, outcome: before.file === undefined ? 'unlike' : 'merged' } as const
    const definition = oneDefinition(task.counted)
    if (definition === undefined) return { of, ...NOTHING }
    return { of, ...((await unlessRejected(addedUp(task, definition), isOfDamage)) ?? NOTHING) }
  }

  async function merge(day: Parameters<MergedDays['merge']>[0], signal: AbortSignal): Promise<MergeOutcome> {
    const { rollup, fromMs } = day
    const name = dayOf(fromMs)
    const days = await place.catalogue(rollup)
    const changedMs = await place.changedMs(rollup, fromMs)
    if (day.changedMs !== undefined && day.changedMs !== changedMs) return 'changed'
    const task = { day, counted: await counted(day, signal), signal }
    const { of, file, outcome } = await madeOf(task, days.get(name))
    if (changedMs === undefined || (await place.changedMs(rollup, fromMs)) !== changedMs) {
      // What was added up may have been forgotten meanwhile.
      if (file !== undefined) await unlessAbsent(files.unlink(join(place.folderOf(rollup), file)))
      return 'changed'
    }
    await save(rollup, new Map([...days, [name, { changedMs, of, ...(file !== undefined && { file }) }]]))
    return outcome
  }

  return {
    merge,

    async days(rollup) {
      const days = await place.catalogue(rollup)
      const names = await namesOf(rollup)
      const found: StoredDay[] = []
      for (const name of (await windows.days(rollup)).filter((each) => DAY.test(each)).sort()) {
        const fromMs = Date.parse(name)
        const changedMs = await place.changedMs(rollup, fromMs)
        if (changedMs === undefined) continue
        const entry = days.get(name)
        const isSettled = entry?.changedMs === changedMs && isThere(entry, names)
        found.push({ rollup, fromMs, toMs: fromMs + DAY_MS, changedMs, isSettled })
      }
      return found
    },

    async tidy(rollup) {
      const days = await place.catalogue(rollup)
      const held = new Set(await windows.days(rollup))
      const kept = new Map([...days].filter(([name]) => held.has(name)))
      if (kept.size < days.size) await save(rollup, kept)
      const named = new Set([...kept.values()].map(({ file }) => file))
      for (const name of await namesOf(rollup))
        if (name.endsWith('.merged') && !named.has(name))
          await unlessAbsent(files.unlink(join(place.folderOf(rollup), name)))
    },

    async forget({ rollup, fromMs, toMs }) {
      for (let dayMs = alignDown(fromMs, DAY_MS); dayMs < toMs; dayMs += DAY_MS) {
        const sums = [...(await namesOf(rollup))].filter((name) => name.startsWith(`${dayOf(dayMs)}.`))
        const folder = dirname(windows.placeOf(rollup, dayMs))
        const aside = ((await unlessAbsent(files.readdir(folder))) ?? []).filter((name) => {
          const startMs = Number(BESIDE_WINDOW.exec(name)?.[1])
          return startMs >= fromMs && startMs < toMs
        })
        const paths = [
          ...sums.map((name) => join(place.folderOf(rollup), name)),
          ...aside.map((name) => join(folder, name)),
        ]
        for (const path of paths) await unlessAbsent(files.unlink(path))
      }
    },
  }
}

/** A line is read before the sum of its group can tell that it is none. */
const isOfDamage = (error: unknown): boolean => isDamage(error) || error instanceof SyntaxError

/** That of all windows, where each is complete and says the same of how it was computed. */
function oneDefinition(counted: readonly DayWindow[]): KeptDefinition | undefined {
  const definitions = new Set(counted.map(({ window }) => JSON.stringify(window.definition)))
  const isWhole = definitions.size === 1 && counted.every(({ window }) => window.complete)
  return isWhole ? counted[0]?.window.definition : undefined
}
