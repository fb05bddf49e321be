#!/usr/bin/env node
import cluster from 'node:cluster'
import { setFlagsFromString } from 'node:v8'
import { runCommand } from './cli/commands.ts'
import { calledAs } from './cli/terminal/called-as.ts'
import { closedTerminals } from './cli/terminal/closed-terminals.ts'
import { processTerminal } from './cli/terminal/terminal.ts'

// What keeps collections of the whole heap rare: each holds requests up for tens of milliseconds (docs/adr/0019).
setFlagsFromString('--no-allocation-site-pretenuring')
setFlagsFromString('--heap-growing-percent=300')

process.once('exit', closedTerminals())

const [, script = '', ...args] = process.argv
const terminal = processTerminal(process, cluster)
const program = calledAs({ script, env: terminal.env, cwd: process.cwd() })

// Not left to the event loop: a client or a disk that hangs must not keep the process beyond its deadline.
process.exit(await runCommand(args, { ...terminal, program }))
