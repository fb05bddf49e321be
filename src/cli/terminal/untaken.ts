import type { Worker } from 'node:cluster'

/**
 * The primary gives a worker one connection after the other, of each address that it listens on, and closes its own end of
 * each when the worker answers that it has it. Of one that dies before, Node forgets that end without closing it: the client
 * would wait for ever, and the primary keep a descriptor. Closed, it is a connection that broke.
 * What Node says to a worker besides, and how it is answered, is nowhere promised: where that changes, nothing is closed.
 */
export function closeUntaken({ process }: Pick<Worker, 'process'>): void {
  /** By what its answer will name. */
  const given = new Map<unknown, Closable>()
  process.send = new Proxy(process.send, {
    apply(send, self, args: readonly unknown[]) {
      const [message, connection] = args
      const { act, seq } = Object(message)
      // A listener, which may go to a worker as well, is that of all.
      if (act === NEW_CONNECTION && isClosable(connection)) given.set(seq, connection)
      return Reflect.apply(send, self, args)
    },
  })
  // One that was refused goes to another worker.
  process.on('internalMessage', (message: unknown) => {
    given.delete(Object(message).ack)
  })
  // All answers were read by then. That it is disconnected is not told of one that was just given a connection.
  process.once('close', () => {
    for (const connection of given.values()) connection.close()
  })
}

interface Closable {
  close(): void
}

/** What lib/internal/cluster of Node calls it. */
const NEW_CONNECTION = 'newconn'

const isClosable = (handle: unknown): handle is Closable => typeof Object(handle).close === 'function'
