import { readFileSync, writeFileSync } from 'node:fs'
import { type BenchReport, benchTables, withTables } from './page-tables.ts'

/** Puts the figures of a run into the pages that show them: `node scripts/lib/bench/page.ts result.json`. */
const tables = benchTables(JSON.parse(readFileSync(process.argv[2] ?? 'result.json', 'utf8')) as BenchReport)
for (const page of ['docs/performance.md', 'README.md'])
  writeFileSync(page, withTables(readFileSync(page, 'utf8'), tables))
