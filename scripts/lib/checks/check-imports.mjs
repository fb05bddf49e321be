// The law of imports (.dependency-cruiser.cjs), with a floor under the number of modules, which is the number of source
// files: a cruiser that sees nothing finds no violation either, and has done so silently with a TypeScript it did not know.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
)
const args = ['src', '--config', '.dependency-cruiser.cjs', '--output-type', 'json', '--no-progress']

let json
try {
  json = execFileSync('node_modules/.bin/depcruise', args, {
    maxBuffer: 2 ** 26,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
} catch (error) {
  if (!error.stdout) throw error
  json = error.stdout
}
const { modules, summary } = JSON.parse(json)
const seen = new Set(modules.map(({ source }) => source))
const unseen = sources.map((name) => `src/${name}`).filter((name) => !seen.has(name))
for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} → ${to}`)
if (unseen.length > 0)
  console.error(`${unseen.length} of ${sources.length} sources were not seen: ${unseen[0]} …`)
const broken = summary.violations.length > 0 || unseen.length > 0 || sources.length === 0
console.log(`imports: ${sources.length} modules, ${summary.violations.length} violations`)
process.exitCode = broken ? 1 : 0
