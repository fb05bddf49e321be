import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What may lie where a file belongs: how to put it there, and what it is called. */
export const noFiles: Readonly<Record<string, (path: string) => void | Promise<void>>> = {
  'a folder': (path) => void mkdirSync(path),
  'a folder with files': (path) => {
    mkdirSync(path)
    writeFileSync(join(path, 'notes.json'), '{"kept":true}')
  },
  'a pipe': (path) => void execFileSync('mkfifo', [path]),
  'a link to nothing': (path) => symlinkSync(`${path}.nowhere`, path),
  'links in a circle': (path) => symlinkSync(path, path),
  'a link to a device': (path) => symlinkSync('/dev/zero', path),
  'a socket': putSocket,
}

/** Its own path has to be short; where it is moved to may be anywhere. Nobody listens at it afterwards. */
async function putSocket(path: string): Promise<void> {
  const short = mkdtempSync(join(tmpdir(), 's-'))
  const socket = createServer().listen(join(short, 's'))
  await once(socket, 'listening')
  renameSync(join(short, 's'), path)
  socket.close()
  rmSync(short, { recursive: true })
}

/** The same in the place of a file that is there. */
export async function replaceByNoFile(what: string, path: string): Promise<void> {
  rmSync(path, { recursive: true, force: true })
  await noFiles[what]?.(path)
}
