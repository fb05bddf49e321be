import { number } from './table.ts'
import { some } from './wording.ts'

interface Aside {
  readonly lines: number
  readonly objects: number
}

/** What went to `dead/`, and the first of it by name. */
interface ToldAside extends Aside {
  readonly told: readonly {
    readonly key: string
    readonly why: string
    readonly lines?: number | undefined
    readonly keptIn: string
  }[]
}

/** What was counted as it says, though that was hardly meant, and the first of it by name. */
interface Doubts {
  readonly rows: number
  readonly told: readonly { readonly key: string; readonly why: string; readonly rows: number }[]
}

/** A line for each, and what it means. */
export function doubtLines({ rows, told }: Doubts): string {
  const each = told.map(({ key, why, rows }) => `${key}: ${some(rows, 'event')}: ${why}\n`)
  return `${each.join('')}${some(rows, 'event')} of the lake counted as they say, which was hardly meant: "Backfill" in docs/operations.md says how to replace them\n`
}

/** What it means, and then each that is named, in a line of its own where there are several. */
export function doubtText({ rows, told }: Doubts): string {
  const isAll = told.reduce((sum, each) => sum + each.rows, 0) >= rows
  return `${some(rows, 'event')} counted as they say, which was hardly meant${listed(told, isAll)}`
}

/** Below the text that a label of `runs show` has beside it. */
const INDENT = `\n${' '.repeat(12)}`

function listed(told: readonly { readonly key: string; readonly why: string }[], isAll: boolean): string {
  const each = told.map(({ key, why }) => `${key} (${why})`)
  if (each.length === 1 && isAll) return `: ${each}`
  return `:${[...each, ...(isAll ? [] : ['and others'])].map((line) => `${INDENT}${line}`).join('')}`
}

/** `3 lines and 1 object` */
export const asideCount = ({ lines, objects }: Aside): string =>
  [...(lines > 0 ? [some(lines, 'line')] : []), ...(objects > 0 ? [some(objects, 'object')] : [])].join(
    ' and ',
  )

/** A line for each, and what it means. */
export function asideLines({ told, ...counts }: ToldAside): string {
  const each = told.map(({ key, why, lines, keptIn }) => {
    const what = lines === undefined ? 'set aside' : `${some(lines, 'line')} set aside`
    return `${key}: ${what}: ${why} (kept in ${keptIn})\n`
  })
  return `${each.join('')}${asideCount(counts)} of the lake went to dead/ as no events, with the reasons beside them, and count in no number\n`
}

/** As `doubtText`. */
export function asideText({ told, ...counts }: ToldAside): string {
  const whole = told.filter(({ lines }) => lines === undefined).length
  const isAll = whole >= counts.objects && told.reduce((sum, { lines = 0 }) => sum + lines, 0) >= counts.lines
  return `${asideCount(counts)}, kept in dead/ with the reasons beside them${listed(told, isAll)}`
}

interface RunAside {
  readonly id: string
  readonly setAside?: (Aside & { readonly doubtful?: Pick<Doubts, 'rows'> | undefined }) | undefined
}

/** What other runs found, newest first, and where the last of it is named; empty for nothing. Program: as a shell takes it. */
export function asideElsewhere(runs: readonly RunAside[], program: string): string {
  const found = runs.flatMap(({ id, setAside }) => (setAside === undefined ? [] : [{ id, ...setAside }]))
  const [newest] = found
  if (newest === undefined) return ''
  const sum = (of: (each: (typeof found)[number]) => number) =>
    found.reduce((before, each) => before + of(each), 0)
  const aside = asideCount({ lines: sum(({ lines }) => lines), objects: sum(({ objects }) => objects) })
  const rows = sum(({ doubtful }) => doubtful?.rows ?? 0)
  const what = [
    ...(aside === '' ? [] : [`${aside} set aside in dead/`]),
    ...(rows === 0 ? [] : [`${some(rows, 'event')} counted as they say, which was hardly meant`]),
  ]
  return `By other runs before: ${what.join('; ')}. \`${program} runs show ${newest.id}\` names the last of it\n`
}

interface LateWindow {
  readonly from: string
  readonly to: string
  readonly tooLate?: number | undefined
}

/** What came after windows were sealed, and how it is counted; undefined for nothing. Program: as a shell takes it. */
export function tooLateText(skipped: readonly LateWindow[], program: string): string | undefined {
  const late = skipped.filter(({ tooLate = 0 }) => tooLate > 0)
  if (late.length === 0) return undefined
  const events = late.reduce((sum, { tooLate = 0 }) => sum + tooLate, 0)
  const [from = ''] = late.map((window) => window.from).sort()
  const [to = ''] = late
    .map((window) => window.to)
    .sort()
    .reverse()
  const windows = `${some(late.length, 'window')} from ${shortened(from)} to ${shortened(to)}`
  return `${number(events)} events came too late for ${windows}, finished and older than aggregation.schedule.horizon. To count them: ${program} aggregate --from ${shortened(from)} --to ${shortened(to)} --reprocess all`
}

/** `2026-11-22T09:15Z`: windows begin with minutes. */
const shortened = (iso: string): string => `${iso.slice(0, 16)}Z`
