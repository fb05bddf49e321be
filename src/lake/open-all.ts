import type { Lake } from './lake.ts'

type OpenedFile = NonNullable<Awaited<ReturnType<Lake['open']>>>

/** Each of these in the lake, undefined for what is not there. Where one cannot be opened none is left open. */
export async function openAll(
  lake: Pick<Lake, 'open'>,
  keys: readonly string[],
): Promise<readonly (OpenedFile | undefined)[]> {
  const outcomes = await Promise.allSettled(keys.map((key) => lake.open(key)))
  const files = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : undefined))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined) return files
  await Promise.all(files.map((file) => file?.release()))
  throw failed.reason
}
