import { MalformedPacket, Status } from './sftp-wire.ts'

/** A failure with the number that the kernel of the guest is to see; node:fs throws the same shape. */
export class FileError extends Error {
  override readonly name = 'FileError'
  readonly code: string

  constructor(code: string, message: string) {
    super(`${code}: ${message}`)
    this.code = code
  }
}

/**
 * What sshfs turns back into the error number that it was: it knows ENOENT, EACCES and EOPNOTSUPP, takes FAILURE for
 * ENOTEMPTY (rmdir), EEXIST (mkdir) or EPERM, and everything that it does not know for EIO.
 */
const STATUS: Readonly<Record<string, number>> = {
  ENOENT: Status.NO_SUCH_FILE,
  ENOTDIR: Status.NO_SUCH_FILE,
  ENAMETOOLONG: Status.NO_SUCH_FILE,
  EACCES: Status.PERMISSION_DENIED,
  ENOSYS: Status.OP_UNSUPPORTED,
  ENOTSUP: Status.OP_UNSUPPORTED,
  EOPNOTSUPP: Status.OP_UNSUPPORTED,
  ENOSPC: Status.NO_SPACE,
  EDQUOT: Status.NO_SPACE,
  EFBIG: Status.NO_SPACE,
  EIO: Status.NO_SPACE,
  EROFS: Status.NO_SPACE,
  EMFILE: Status.NO_SPACE,
  ENFILE: Status.NO_SPACE,
}

/** The status and words for a failure of a request. */
export function statusOf(error: unknown): { status: number; message: string } {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof MalformedPacket) return { status: Status.BAD_MESSAGE, message }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return { status: STATUS[code] ?? Status.FAILURE, message }
}
