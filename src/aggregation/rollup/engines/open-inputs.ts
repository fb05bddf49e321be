import type { Lake } from '../../../lake/lake.ts'
import { openAll } from '../../../std/async/open-all.ts'
import { AppError } from '../../../std/errors.ts'

/** Local files of these objects, all of them, until they are released. */
export async function openInputs(lake: Lake, keys: readonly string[]) {
  const opened = await openAll(lake, keys)
  const files = opened.filter((file) => file !== undefined)
  const release = async () => {
    await Promise.all(files.map((file) => file.release()))
  }
  if (files.length < opened.length) {
    await release()
    throw new AppError('input_missing', `${keys[opened.indexOf(undefined)]} is not in the lake`)
  }
  return { paths: files.map(({ path }) => path), release }
}
