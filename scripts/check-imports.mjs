// The law of imports (.dependency-cruiser.cjs), with a floor under the number of modules: a cruiser that sees nothing
// finds no violation either, and has done so silently with a TypeScript it did not know.
import { execFileSync } from 'node:child_process'

const MINIMUM_MODULES = Number(process.env.MINIMUM_MODULES ?? 60)
const args = [
  'depcruise',
  'src',
  '--config',
  '.dependency-cruiser.cjs',
  '--output-type',
  'json',
  '--no-progress',
]

let json
try {
  json = execFileSync('npx', ['--no-install', ...args], {
    maxBuffer: 2 ** 26,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
} catch (error) {
  if (!error.stdout) throw error
  json = error.stdout
}
const { modules, summary } = JSON.parse(json)
const ours = modules.filter((module) => module.source.startsWith('src/')).length
for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} → ${to}`)
if (ours < MINIMUM_MODULES)
  console.error(`Only ${ours} modules of src/ were seen, expected at least ${MINIMUM_MODULES}`)
const broken = summary.violations.length > 0 || ours < MINIMUM_MODULES
console.log(`imports: ${ours} modules, ${summary.violations.length} violations`)
process.exitCode = broken ? 1 : 0
