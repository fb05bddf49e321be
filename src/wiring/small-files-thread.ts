import { type MessagePort, parentPort } from 'node:worker_threads'
import { giveWay } from '../std/async/thread-priority.ts'
import { readSmallFiles } from '../std/files/small-files.ts'

/** A tenth of the weight that the threads have which take beacons. Ours. */
const NICENESS = 10

const port = parentPort as MessagePort

giveWay(NICENESS)
port.on('message', (paths: readonly string[]) => {
  const found = readSmallFiles(paths)
  port.postMessage(found, [found.bytes.buffer])
})
