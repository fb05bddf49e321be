#!/usr/bin/env node
import cluster from 'node:cluster'
import { runCommand } from './cli/commands.ts'
import { processTerminal } from './cli/terminal.ts'

// Not left to the event loop: a client or a disk that hangs must not keep the process beyond its deadline.
process.exit(await runCommand(process.argv.slice(2), processTerminal(process, cluster)))
