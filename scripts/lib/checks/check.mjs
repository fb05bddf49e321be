// Commands at once, each with what it says in one piece: those given as NAME=COMMAND, or else all scripts `check:…` of
// package.json (`npm run check`).
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

/** What one check says, and whether it found nothing. */
async function check([name, command]) {
  // Both streams into one, so that what belongs together stays so.
  const child = spawn(`(${command}) 2>&1`, { shell: true, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => child.once('close', resolve))
  const said = (await text(child.stdout)).trim()
  const passed = (await exited) === 0
  console.log(`${name}: ${passed ? 'passed' : 'FAILED'}${said && `\n${said}`}`)
  return passed
}

const given = process.argv.slice(2).map((word) => {
  const [name, ...command] = word.split('=')
  return [name, command.join('=')]
})
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
const ours = Object.entries(scripts).filter(([name]) => name.startsWith('check:'))
const checks = given.length > 0 ? given : ours
const passed = await Promise.all(checks.map(check))
process.exitCode = checks.length > 0 && passed.every(Boolean) ? 0 : 1
