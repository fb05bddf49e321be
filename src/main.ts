#!/usr/bin/env node
import cluster from 'node:cluster'
import { setFlagsFromString } from 'node:v8'
import { unusableRuntime } from './cli/terminal/node-version.ts'

// Before anything is loaded that such a Node lacks: it would end without a word that helps, or serve nobody and say nothing.
const unusable = unusableRuntime(process.versions.node)
if (unusable !== undefined) {
  process.stderr.write(`headgate ${unusable}\n`)
  process.exit(2)
}
const { runCommand } = await import('./cli/commands.ts')
const { calledAs } = await import('./cli/terminal/called-as.ts')
const { closedTerminals } = await import('./cli/terminal/closed-terminals.ts')
const { processTerminal } = await import('./cli/terminal/terminal.ts')

// What keeps collections of the whole heap rare: each holds requests up for tens of milliseconds (docs/adr/0019).
setFlagsFromString('--no-allocation-site-pretenuring')
setFlagsFromString('--heap-growing-percent=300')

process.once('exit', closedTerminals())

const [, script = '', ...args] = process.argv
const terminal = processTerminal(process, cluster)
const program = calledAs({ script, env: terminal.env, cwd: process.cwd() })

// Not left to the event loop: a client or a disk that hangs must not keep the process beyond its deadline.
process.exit(await runCommand(args, { ...terminal, program }))
