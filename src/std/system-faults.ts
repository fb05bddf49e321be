import type { ErrorCode } from './errors.ts'
import { codeOf } from './expected-errors.ts'

/** An error of ours, whose code is EFBIG as well (files/too-large.ts): such a file is whole, and none that we wrote. */
export const FILE_TOO_LARGE = 'FileTooLarge'

/** What a system call answered that an operator can mend. */
interface SystemFault {
  /** As which failure of ours it is answered. */
  readonly code: Extract<ErrorCode, 'storage_full' | 'storage_denied' | 'storage_failed' | 'system_limit'>
  /** `the disk is full` */
  readonly why: string
  /** `the disk is full (ENOSPC): free some of it` */
  readonly words: string
}

interface Row extends Pick<SystemFault, 'code' | 'why'> {
  readonly help: string
}

const fault = (code: SystemFault['code'], why: string, help: string): Row => ({ code, why, help })

const NOT_ALLOWED = fault(
  'storage_denied',
  'this user may not read or write there',
  'give it the file or the folder',
)
const NO_FILE = fault(
  'storage_denied',
  'something that is no file lies in the place of one',
  'look at what it is, and move it away',
)
const TOO_LARGE = fault(
  'storage_denied',
  'a file is larger than any that belongs there',
  'look at what it is, and move it away',
)
const DAMAGED = fault('storage_failed', 'the file system is damaged', 'check it, as by fsck')

/**
 * The one table of them: whatever is answered, logged or printed of such an errno is made of it. That a file is not there
 * (ENOENT) is not among them: that is an answer, or a mistake of ours.
 * https://man7.org/linux/man-pages/man3/errno.3.html
 */
const FAULTS: Readonly<Record<string, Row>> = {
  ENOSPC: fault('storage_full', 'the disk is full', 'free some of it'),
  // The share of this user, or of a project.
  EDQUOT: fault('storage_full', 'the quota of this user is used up', 'free some of it, or raise it'),
  // A write beyond RLIMIT_FSIZE, or beyond what the file system can hold.
  EFBIG: fault('storage_full', 'the file would be too large', 'raise LimitFSIZE (ulimit -f)'),
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EROFS: fault('storage_denied', 'the file system is read-only', 'mount it so that it can be written'),
  EBUSY: fault('storage_denied', 'something else holds the file', 'end what does'),
  ETXTBSY: fault('storage_denied', 'the file is a program that runs', 'end it'),
  ESTALE: fault('storage_denied', 'the file server does not know the file any more', 'mount it again'),
  EISDIR: NO_FILE,
  ENXIO: NO_FILE,
  ENOTDIR: fault('storage_denied', 'a file lies in the place of a folder, or on its path', 'move it away'),
  ELOOP: fault('storage_denied', 'a link is in the place of a file, or links lead in a circle', 'remove it'),
  EIO: fault(
    'storage_failed',
    'the disk, or what is behind it, has failed',
    'look into the log of the kernel',
  ),
  EBADMSG: DAMAGED,
  EUCLEAN: DAMAGED,
  ENOTCONN: fault('storage_failed', 'the file system has lost what is behind it', 'mount it again'),
  EMFILE: fault(
    'system_limit',
    'this process has as many files and connections open as it may',
    'raise LimitNOFILE (ulimit -n)',
  ),
  ENFILE: fault(
    'system_limit',
    'this machine has as many files open as it may',
    'raise fs.file-max, or end what has them',
  ),
  ENOMEM: fault('system_limit', 'the system has no memory left', 'give it more, or run less beside'),
  // To whoever starts a process or a thread.
  EAGAIN: fault(
    'system_limit',
    'there are as many processes as there may be',
    'raise LimitNPROC or TasksMax (pids of a container)',
  ),
}

export function systemFaultOf(error: unknown): SystemFault | undefined {
  const errno = codeOf(error)
  const row =
    Object(error).name === FILE_TOO_LARGE
      ? TOO_LARGE
      : Object.hasOwn(FAULTS, errno)
        ? FAULTS[errno]
        : undefined
  return row && { code: row.code, why: row.why, words: `${row.why} (${errno}): ${row.help}` }
}

/** Undefined for what nobody outside can mend. */
export const inWords = (error: unknown): string | undefined => systemFaultOf(error)?.words

/** In words, or else by its code. */
export const codeInWords = (error: unknown): string => inWords(error) ?? codeOf(error)

/** The same, after the file that it is about, where the system names one. */
export function inWordsWithPath(error: unknown): string | undefined {
  const path: unknown = Object(error).path
  const words = inWords(error)
  return words !== undefined && typeof path === 'string' ? `${path}: ${words}` : words
}

/** The first of an error and its causes that somebody can mend, in words. */
export function mendable(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const words = inWords(at)
    if (words !== undefined) return words
  }
  return undefined
}

/** As libraries of C write it, in their errors. */
const SAID: Readonly<Record<string, string>> = {
  'No space left on device': 'ENOSPC',
  'Disk quota exceeded': 'EDQUOT',
  'File too large': 'EFBIG',
  'Permission denied': 'EACCES',
  'Operation not permitted': 'EPERM',
  'Read-only file system': 'EROFS',
  'Stale file handle': 'ESTALE',
  'Input/output error': 'EIO',
  'Too many open files': 'EMFILE',
  'Too many open files in system': 'ENFILE',
  'Cannot allocate memory': 'ENOMEM',
}

/** `: the disk is full …` for what a library written in C ends its message with; else nothing. */
export function inWordsOfC(message: string): string {
  const said = message.slice(message.lastIndexOf(': ') + 2).trim()
  const code = Object.hasOwn(SAID, said) ? SAID[said] : undefined
  return code === undefined ? '' : `: ${inWords(Object.assign(new Error(said), { code }))}`
}
