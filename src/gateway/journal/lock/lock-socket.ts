import { connect, createServer } from 'node:net'
import { codeOf } from '../../../std/expected-errors.ts'

/** unix(7) has 108 bytes for the path and its end, macOS 104. Node 22 cuts what is longer, without a word. */
const MAX_PATH_BYTES = 103

export interface LivenessSocket {
  end(): Promise<void>
}

/** How a process shows at a path that it lives, and how others see it. */
export interface LivenessSockets {
  open(path: string): Promise<LivenessSocket>
  answers(path: string): Promise<boolean>
}

/**
 * What listening answers on a file system that has no sockets (Linux says EPERM, FUSE ENOSYS, macOS EOPNOTSUPP), or at a
 * path which it takes for too long. Anything else, such as EMFILE or ENOSPC, is about this moment and not about the place.
 */
const NO_SOCKETS = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENAMETOOLONG']

const NOTHING_SHOWN: LivenessSocket = { end: async () => {} }

/**
 * A socket that answers as long as this process lives: whatever ends it, the kernel closes the socket, and whoever sees
 * the folder may ask, from another container too. A file system without sockets, or a long path, shows nothing. Rejects
 * where a socket could be and is none: a holder that shows no life by mistake would lose its lock.
 */
export async function openLivenessSocket(path: string): Promise<LivenessSocket> {
  if (!fits(path)) return NOTHING_SHOWN
  const server = createServer((asking) => asking.destroy()).unref()
  try {
    await new Promise<void>((resolve, reject) => {
      // Kept for good: a process without a file descriptor left cannot answer, which must not end it.
      server.on('error', reject)
      server.listen(path, resolve)
    })
  } catch (error) {
    if (NO_SOCKETS.includes(codeOf(error))) return NOTHING_SHOWN
    throw error
  }
  return {
    async end() {
      await new Promise((done) => server.close(done))
    },
  }
}

/** What is answered where nobody listens. Anything else, such as EAGAIN or EMFILE, is no sign of death. */
const NOBODY = ['ENOENT', 'ECONNREFUSED']

export async function answersLiveness(path: string): Promise<boolean> {
  if (!fits(path)) return false
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('error', (error) => resolve(!NOBODY.includes(codeOf(error))))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

export const systemSockets: LivenessSockets = { open: openLivenessSocket, answers: answersLiveness }

const fits = (path: string): boolean => Buffer.byteLength(path) <= MAX_PATH_BYTES
