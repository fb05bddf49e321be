import { basename, join } from 'node:path'
import { bestEffort, type FileOps, makeFolder, syncFolder, writeDurably } from '../../std/files/files.ts'
import { setAside } from '../../std/files/not-a-file.ts'

const quarantinePath = (dir: string) => join(dir, 'quarantine')

/**
 * Keeps damaged bytes for a person to look at: `quarantine/<segment>.<start>-<end>`. Where even that fails they still lie
 * in their segment, until the rest of it is delivered. Answers how many bytes there were.
 */
export async function quarantineBytes(
  { files, dir }: { readonly files: FileOps; readonly dir: string },
  path: string,
  bytes: Buffer,
  damage: readonly { readonly start: number; readonly end: number }[],
): Promise<number> {
  const folder = quarantinePath(dir)
  let total = 0
  for (const { start, end } of damage) {
    const copy = join(folder, `${basename(path)}.${start}-${end}`)
    await bestEffort(
      makeFolder(files, folder).then(() => writeDurably(files, copy, bytes.subarray(start, end))),
    )
    total += end - start
  }
  return total
}

/** Moves a whole file that this version cannot read, or what is no file at all, out of the way. Answers where it is. */
export async function quarantineFile(files: FileOps, dir: string, path: string): Promise<string> {
  const folder = quarantinePath(dir)
  await makeFolder(files, folder)
  const name = await setAside(files, path, join(folder, basename(path)))
  await syncFolder(files, folder)
  await syncFolder(files, dir)
  return name
}
