/** What every use of unix sockets shares (linux/un.h, asm-generic/socket.h). */
import { EngineError } from '../../api/errors.ts'

export const AF_UNIX = 1
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000

/** sizeof(sun_path), with the final NUL. */
const PATH_MAX = 108

/** struct sockaddr_un. A path that does not fit is invalid_argument. */
export function unixAddress(path: string): Uint8Array {
  const bytes = Buffer.from(path)
  if (bytes.length >= PATH_MAX) {
    throw new EngineError(
      'invalid_argument',
      `unix socket ${path}: ${bytes.length} bytes, a socket path has at most ${PATH_MAX - 1}`,
    )
  }
  const address = new Uint8Array(2 + bytes.length + 1)
  new DataView(address.buffer).setUint16(0, AF_UNIX, true)
  address.set(bytes, 2)
  return address
}
