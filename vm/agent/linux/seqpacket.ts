/** A write-only client of a SOCK_SEQPACKET unix socket: conmon's attach socket. */
import { closeSync } from 'node:fs'
import { EngineError } from '../../api/errors.ts'
import { Errno, errnoError } from './errno.ts'
import type { Libc } from './ffi.ts'
import type { SeqpacketSocket } from './kernel.ts'
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, unixAddress } from './unix-address.ts'

const SOCK_SEQPACKET = 5
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const SHUT_RD = 0
const SHUT_WR = 1

/**
 * Connects and shuts our receiving direction at once. conmon writes the container's output to every client with
 * blocking writes; a client that does not read would stop it, and with it the container. After SHUT_RD its write
 * fails with EPIPE, upon which it stops writing to this client and goes on reading from it.
 */
export function connectSeqpacket(libc: Libc, path: string): SeqpacketSocket {
  const address = unixAddress(path)
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
