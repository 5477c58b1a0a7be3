/** Linux error numbers (asm-generic/errno.h; the same on x86-64 and arm64) and what they mean for the engine. */
import { EngineError, type ErrorKind } from '../../api/errors.ts'

export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  ENXIO: 6,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOSPC: 28,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ELOOP: 40,
  ENODATA: 61,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETUNREACH: 101,
  ECONNRESET: 104,
  ENOTCONN: 107,
  ECONNREFUSED: 111,
  EDQUOT: 122,
} as const

const KINDS: Readonly<Record<number, ErrorKind>> = {
  [Errno.EPERM]: 'permission_denied',
  [Errno.ENOENT]: 'not_found',
  [Errno.ESRCH]: 'not_found',
  [Errno.EACCES]: 'permission_denied',
  [Errno.EBUSY]: 'conflict',
  [Errno.EEXIST]: 'already_exists',
  [Errno.ENOSPC]: 'unavailable',
  [Errno.EPIPE]: 'unavailable',
  [Errno.ECONNRESET]: 'unavailable',
  [Errno.ECONNREFUSED]: 'unavailable',
  [Errno.EDQUOT]: 'unavailable',
}

const NAMES = new Map<number, string>(Object.entries(Errno).map(([name, value]) => [value, name]))

/** `ENOENT` for 2; `errno 999` for one without a name here. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`
}

/** The failure of system call `call` on `subject`; `details.errno` carries the name for callers that must tell cases apart. */
export function errnoError(call: string, subject: string, errno: number): EngineError {
  const name = errnoName(errno)
  return new EngineError(KINDS[errno] ?? 'internal', `${call} ${subject}: ${name}`, {
    details: { errno: name, call },
  })
}
