import { connect, createServer } from 'node:net'
import { errnoOf } from '../../../std/files/files.ts'

/** unix(7) has 108 bytes for the path and its end, macOS 104. Node 22 cuts what is longer, without a word. */
const MAX_PATH_BYTES = 103

export interface LivenessSocket {
  end(): Promise<void>
}

/**
 * A socket that answers as long as this process lives: whatever ends it, the kernel closes the socket, and whoever sees
 * the folder may ask, from another container too. A file system without sockets, or a long path, shows nothing.
 */
export async function openLivenessSocket(path: string): Promise<LivenessSocket> {
  const server = createServer((asking) => asking.destroy()).unref()
  const isShown =
    fits(path) &&
    (await new Promise<boolean>((resolve) => {
      // Kept for good: a process without a file descriptor left cannot answer, which must not end it.
      server.on('error', () => resolve(false))
      server.listen(path, () => resolve(true))
    }))
  return {
    async end() {
      if (isShown) await new Promise((done) => server.close(done))
    },
  }
}

/** What is answered where nobody listens. Anything else, such as EAGAIN or EMFILE, is no sign of death. */
const NOBODY = ['ENOENT', 'ECONNREFUSED']

export async function answersLiveness(path: string): Promise<boolean> {
  if (!fits(path)) return false
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('error', (error) => resolve(!NOBODY.includes(errnoOf(error))))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

const fits = (path: string): boolean => Buffer.byteLength(path) <= MAX_PATH_BYTES
