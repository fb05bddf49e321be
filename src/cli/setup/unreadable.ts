import { codeOf } from '../../std/expected-errors.ts'
import { codeInWords } from '../../std/system-faults.ts'

/** What the system answers of a file that somebody named, in their words. */
const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is a file, not a folder',
  ENAMETOOLONG: 'its name is too long',
  ENXIO: 'it is a pipe, a socket, a device or a link to nothing, and no file',
  ERR_INVALID_ARG_VALUE: 'its name has null bytes, which no name can have',
}

/** Why a file cannot be read that may have so many bytes. */
export function whyUnreadable(error: unknown, maxBytes: number): string {
  const code = codeOf(error)
  return code === 'EFBIG' ? `it has more than ${maxBytes} bytes` : (FAULTS[code] ?? codeInWords(error))
}
