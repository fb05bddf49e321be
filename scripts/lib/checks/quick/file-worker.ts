// A process that runs one test file after another, for run-files.ts. What all of them need is loaded once, which takes longer
// than most of them; each is judged as it would be in a process of its own. So a file ends when nothing keeps the process
// alive any more, not when its tests say so, and a channel to the parent that is heard only between two files keeps nothing.
import { closeSync, openSync, writeSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { clearTimeout, setTimeout } from 'node:timers'
import { pathToFileURL } from 'node:url'
import tap, { Test } from 'tap'
import { changedSince, sharedState } from './shared-state.ts'
import { runsNow } from './tap-of-file.ts'

/** A file to run, and where tap's lines about it go. */
export interface FileTask {
  readonly file: string
  readonly results: string
  readonly timeoutMs: number
  /** A process that lives on so long after the last test waits for something that the tests left behind. */
  readonly lingerMs: number
  /** No other file runs in the process: it may be left as it is. */
  readonly isAlone: boolean
}

/** What became of it; `faults` are those that its results do not tell. */
export interface FileEnding {
  readonly passed: boolean
  readonly faults: readonly string[]
}

/** The file gave itself more time than it was given. */
export interface FileLimit {
  readonly limitMs: number
}

interface RunningFile {
  readonly isOver: () => boolean
  /** Fails what waits for something that never comes. */
  readonly abort: () => void
  readonly end: (faults: readonly string[]) => void
}

let running: RunningFile | undefined

function start({ file, results, timeoutMs, lingerMs, isAlone }: FileTask): void {
  const output = openSync(results, 'w')
  const heldBefore = new Set(process.listeners('exit'))
  let isLoaded = false
  let lingering: NodeJS.Timeout | undefined
  // tap calls folders of tests after the script that runs.
  process.argv[1] = resolve(file)
  const load = async () => {
    await import(pathToFileURL(resolve(file)).href)
    isLoaded = true
  }
  const options: ConstructorParameters<typeof Test>[0] = { name: file, timeout: timeoutMs, cb: load }
  const test = new Test(options)
  test.on('data', (chunk) => writeSync(output, chunk))
  test.on('complete', () => {
    test.setTimeout(0)
    test.comment(test.counts.toJSON())
    test.comment(`time=${test.time}ms`)
    const tell = () => running?.end([`it still waits for ${process.getActiveResourcesInfo().join(', ')}`])
    lingering = setTimeout(tell, lingerMs).unref()
  })
  const limit = test.setTimeout.bind(test)
  test.setTimeout = (limitMs) => {
    if (limitMs > 0) process.send?.({ limitMs } satisfies FileLimit)
    limit(limitMs)
  }
  let isAborted = false
  running = {
    isOver: () => isAborted || test.results !== undefined,
    abort() {
      isAborted = true
      test.endAll()
    },
    end(found) {
      running = undefined
      clearTimeout(lingering)
      const atEnd = faultsAtExit(heldBefore)
      closeSync(output)
      const faults = [
        ...found,
        ...atEnd,
        ...(isLoaded ? [] : ['it did not come to the end of its file']),
        ...(test.counts.total > 0 ? [] : ['it tests nothing']),
        ...(isAlone ? [] : changedSince(clean)).map((name) => `it left ${name} changed`),
      ]
      process.send?.({
        passed: test.results?.ok === true && faults.length === 0,
        faults,
      } satisfies FileEnding)
      process.once('message', start)
    },
  }
  runsNow(test)
  test.runMain(() => {})
}

/** Whoever listens for the end of the process is told of that of the file, as in a process of its own. */
function faultsAtExit(heldBefore: ReadonlySet<NodeJS.ExitListener>): readonly string[] {
  const faults: string[] = []
  for (const listener of process.listeners('exit')) {
    if (heldBefore.has(listener)) continue
    process.off('exit', listener)
    try {
      listener.call(process, 0)
    } catch (error) {
      faults.push(`it fails when its process ends: ${error}`)
    }
  }
  return faults
}

// What imports tap from here on gets the file that runs.
const ours = new URL('tap-of-file.ts', import.meta.url).href
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'tap' ? { url: ours, shortCircuit: true } : next(specifier, context),
})
// What counts coverage asks for those of packages. Ours have none: types are erased in place.
process.setSourceMapsEnabled(false)
// The test that tap itself would have the process be has a limit of time, too.
tap.setTimeout(0)
process.on('beforeExit', () => {
  if (running === undefined) return
  if (running.isOver()) running.end([])
  else {
    running.abort()
    // This is called again, then.
    setImmediate(() => {})
  }
})
process.once('exit', () => running?.abort())
/** As it is for the first file, and so for each: where one left anything changed, no other runs. */
const clean = sharedState()
process.once('message', start)
