import { truncateSync, writeFileSync } from 'node:fs'

/** What no text can hold, and what Node reads no more. They take no room on the disk. */
export const HUGE_BYTES = { '600 MiB of zeros': 600 * 2 ** 20, '3 GiB of zeros': 3 * 2 ** 30 }

/** Zeros in the place of a file, as many as `bytes`. */
export function putZeros(path: string, bytes: number): void {
  writeFileSync(path, '', { mode: 0o600 })
  truncateSync(path, bytes)
}
