/** A write-only client of a SOCK_SEQPACKET unix socket: conmon's attach socket. */
import { closeSync } from 'node:fs'
import { EngineError } from '../../api/errors.ts'
import { Errno, errnoError } from './errno.ts'
import type { Libc } from './ffi.ts'
import type { SeqpacketSocket } from './kernel.ts'

const AF_UNIX = 1
const SOCK_SEQPACKET = 5
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const SHUT_RD = 0
const SHUT_WR = 1
/** sizeof(sun_path), with the final NUL. */
const PATH_MAX = 108

/**
 * Connects and shuts our receiving direction at once. conmon writes the container's output to every client with
 * blocking writes; a client that does not read would stop it, and with it the container. After SHUT_RD its write
 * fails with EPIPE, upon which it stops writing to this client and goes on reading from it.
 */
export function connectSeqpacket(libc: Libc, path: string): SeqpacketSocket {
  const address = socketAddress(path)
  const fd = libc.must('socket', path, AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  try {
    libc.must('connect', path, fd, address, address.length)
    libc.must('shutdown', path, fd, SHUT_RD)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  let open = true
  return {
    send(packet) {
      if (!open) throw new EngineError('unavailable', `send ${path}: closed`)
      const result = libc.attempt('send', fd, packet, BigInt(packet.length), MSG_DONTWAIT | MSG_NOSIGNAL)
      if (result === -Errno.EAGAIN) return false
      if (result < 0) throw errnoError('send', path, -result)
      return true
    },
    shutdown() {
      if (!open) return
      const result = libc.attempt('shutdown', fd, SHUT_WR)
      if (result < 0 && result !== -Errno.ENOTCONN) throw errnoError('shutdown', path, -result)
    },
    [Symbol.dispose]() {
      if (open) closeSync(fd)
      open = false
    },
  }
}

/** struct sockaddr_un. */
function socketAddress(path: string): Uint8Array {
  const bytes = Buffer.from(path)
  if (bytes.length >= PATH_MAX) {
    throw new EngineError(
      'invalid_argument',
      `connect ${path}: ${bytes.length} bytes, a socket path has at most 107`,
    )
  }
  const address = new Uint8Array(2 + bytes.length + 1)
  new DataView(address.buffer).setUint16(0, AF_UNIX, true)
  address.set(bytes, 2)
  return address
}
