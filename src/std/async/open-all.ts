interface OpenedFile {
  release(): Promise<void>
}

/** Each of these, undefined for what is not there. Where one cannot be opened none is left open. */
export async function openAll<File extends OpenedFile>(
  place: { open(key: string): Promise<File | undefined> },
  keys: readonly string[],
): Promise<readonly (File | undefined)[]> {
  const outcomes = await Promise.allSettled(keys.map((key) => place.open(key)))
  const files = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : undefined))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined) return files
  await Promise.all(files.map((file) => file?.release()))
  throw failed.reason
}
