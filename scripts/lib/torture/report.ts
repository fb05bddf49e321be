import type { PartResult } from './world/world.ts'

/** For a person: a block a part. */
export const reportOf = (results: readonly PartResult[]): string => results.map(blockOf).join('\n')

function blockOf({ part, figures, histograms = {}, violations, skipped }: PartResult): string {
  if (skipped !== undefined) return `${part}\n  SKIPPED: ${skipped}\n`
  const rows = Object.entries(figures).map(([name, value]) => row(name, value.toLocaleString('en-GB')))
  const bars = Object.entries(histograms).flatMap(([name, counts]) => [`  ${name}`, ...barsOf(counts)])
  const verdicts =
    violations.length === 0 ? ['  no violation'] : violations.map((text) => `  VIOLATION  ${text}`)
  return `${[part, ...rows, ...bars, ...verdicts].join('\n')}\n`
}

const row = (name: string, value: string): string => `  ${name.padEnd(28)}${value.padStart(14)}`

const BAR_CHARS = 40

function barsOf(counts: Readonly<Record<string, number>>): readonly string[] {
  const most = Math.max(...Object.values(counts))
  return Object.entries(counts).map(
    ([name, count]) =>
      `    ${name.padEnd(26)}${`${count}`.padStart(6)}  ${'█'.repeat(Math.ceil((count / most) * BAR_CHARS))}`,
  )
}
