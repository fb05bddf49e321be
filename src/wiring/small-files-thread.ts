import { type MessagePort, parentPort } from 'node:worker_threads'
import { BESIDE_BEACONS, giveWay } from '../std/async/thread-priority.ts'
import { readSmallFiles } from '../std/files/small-files.ts'

const port = parentPort as MessagePort

giveWay(BESIDE_BEACONS)
port.on('message', (paths: readonly string[]) => {
  const found = readSmallFiles(paths)
  port.postMessage(found, [found.bytes.buffer])
})
