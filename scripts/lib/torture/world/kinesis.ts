import { forkProgram, stopped } from '../../bench/machine/child.ts'
import type { Books } from './books.ts'
import type { Script } from './faults.ts'
import type { KinesisReply, KinesisRequest } from './kinesis-server.ts'

/** Kinesis' process, from outside. What it stores goes into the books. */
export interface Kinesis {
  readonly endpoint: string
  /** From now on it fails like this, and in no other way. */
  play(script: Script): Promise<void>
  /** Resolves when all that it stored so far is in the books. */
  flush(): Promise<void>
  close(): Promise<void>
}

export async function startKinesis(books: Books): Promise<Kinesis> {
  const child = forkProgram(new URL('./kinesis-server.ts', import.meta.url), [], [])
  let close = () => {}
  const gone = new Promise<never>((_, reject) => {
    close = () => reject(new Error('Kinesis is closed'))
    child.once('exit', (code) => reject(new Error(`Kinesis' process ended with ${code}`)))
  })
  gone.catch(() => {})
  const waiting: (() => void)[] = []
  const listening = new Promise<string>((resolve) => {
    child.on('message', (reply: KinesisReply) => {
      if (reply.kind === 'listening') resolve(reply.endpoint)
      else if (reply.kind === 'done') waiting.shift()?.()
      else {
        for (const key of reply.keys) books.found(key, 'stream')
        for (const why of reply.wrong) books.violated(`in Kinesis: ${why}`)
      }
    })
  })
  const ask = (request: KinesisRequest): Promise<void> => {
    const done = new Promise<void>((resolve) => waiting.push(resolve))
    child.send(request)
    return Promise.race([done, gone])
  }
  return {
    endpoint: await Promise.race([listening, gone]),
    play: (script) => ask({ kind: 'play', script }),
    flush: () => ask({ kind: 'flush' }),
    async close() {
      close()
      await stopped(child)
    },
  }
}
