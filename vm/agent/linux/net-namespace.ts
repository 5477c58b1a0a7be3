/** Making network namespaces (unshare(2), setns(2)) from a process that stays in its own. */
import { closeSync, openSync } from 'node:fs'
import type { Libc } from './ffi.ts'
import { MountFlag } from './kernel.ts'

const CLONE_NEWNET = 0x4000_0000
const AF_INET = 2
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0x8_0000
/** linux/sockios.h, linux/if.h */
const SIOCSIFFLAGS = 0x8914n
const IFF_UP = 1

/** Makes one, its loopback interface up, and binds it on the file `path`; it lives for as long as that mount. */
export function makeNetworkNamespace(libc: Libc, path: string): void {
  const home = openSync('/proc/thread-self/ns/net', 'r')
  try {
    libc.must('unshare', path, CLONE_NEWNET)
    try {
      const bind = BigInt(MountFlag.BIND)
      libc.must('mount', `network namespace on ${path}`, '/proc/thread-self/ns/net', path, '', bind, null)
      loopbackUp(libc)
    } finally {
      // An agent that stays in a container's network would do all further work in there.
      if (libc.attempt('setns', home, CLONE_NEWNET) < 0) process.abort()
    }
  } finally {
    closeSync(home)
  }
}

function loopbackUp(libc: Libc): void {
  const socket = libc.must('socket', 'AF_INET', AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  try {
    // struct ifreq: 16 bytes of name, then the flags.
    const request = new Uint8Array(40)
    request.set(Buffer.from('lo'))
    request[16] = IFF_UP
    libc.must('ioctl', 'lo SIOCSIFFLAGS', socket, SIOCSIFFLAGS, request)
  } finally {
    closeSync(socket)
  }
}
