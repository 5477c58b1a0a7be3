/** Receiving a file descriptor over a unix socket (SCM_RIGHTS, unix(7)). */
import { closeSync, unlinkSync } from 'node:fs'
import { EngineError } from '../../api/errors.ts'
import { Errno, errnoError } from './errno.ts'
import type { Libc } from './ffi.ts'
import type { FdListener } from './kernel.ts'
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, unixAddress } from './unix-address.ts'

const SOCK_STREAM = 1
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_DONTWAIT = 0x40
const MSG_CMSG_CLOEXEC = 0x4000_0000
const FIONBIO = 0x5421n

/** sizeof of struct msghdr, struct iovec and struct cmsghdr with one int, on 64-bit Linux. */
const MSGHDR = 56
const IOVEC = 16
const CMSG = 24
/** The sender puts the terminal's name into the message's data. */
const DATA = 4096

/** Binds and listens at once; disposing removes the socket's file. */
export function listenForFd(libc: Libc, path: string): FdListener {
  const address = unixAddress(path)
  const listener = libc.must('socket', path, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  try {
    libc.must('bind', path, listener, address, address.length)
    libc.must('listen', path, listener, 1)
  } catch (error) {
    closeSync(listener)
    throw error
  }
  let open = true
  return {
    receive: () => acceptFd(libc, listener, path),
    [Symbol.dispose]: () => {
      if (!open) return
      open = false
      closeSync(listener)
      unlinkSync(path)
    },
  }
}

function acceptFd(libc: Libc, listener: number, path: string): number | undefined {
  const peer = libc.attempt('accept4', listener, 0n, 0n, SOCK_CLOEXEC | SOCK_NONBLOCK)
  if (peer === -Errno.EAGAIN) return undefined
  if (peer < 0) throw errnoError('accept4', path, -peer)
  try {
    const fd = receiveFd(libc, peer, path)
    libc.must('ioctl', `${path} FIONBIO`, fd, FIONBIO, new Uint8Array([1, 0, 0, 0]))
    return fd
  } finally {
    closeSync(peer)
  }
}

function receiveFd(libc: Libc, peer: number, path: string): number {
  const [header, vector, data, control] = [MSGHDR, IOVEC, DATA, CMSG].map((size) => new Uint8Array(size)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const iov = new DataView(vector.buffer)
  iov.setBigUint64(0, libc.addressOf(data), true)
  iov.setBigUint64(8, BigInt(data.length), true)
  const message = new DataView(header.buffer)
  message.setBigUint64(16, libc.addressOf(vector), true)
  message.setBigUint64(24, 1n, true)
  message.setBigUint64(32, libc.addressOf(control), true)
  message.setBigUint64(40, BigInt(control.length), true)
  libc.must('recvmsg', path, peer, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
  const received = new DataView(control.buffer)
  const isFd = received.getUint32(8, true) === SOL_SOCKET && received.getUint32(12, true) === SCM_RIGHTS
  if (!isFd) throw new EngineError('internal', `${path}: a message without a file descriptor`)
  return received.getInt32(16, true)
}
