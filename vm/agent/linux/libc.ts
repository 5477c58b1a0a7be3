/** The kernel door over libc (`node:ffi`). Little-endian 64-bit Linux: x86-64 and arm64. */
import { closeSync, constants, openSync } from 'node:fs'
import { withoutReserve } from './capabilities.ts'
import { allowDevices } from './device-rule.ts'
import { Errno, errnoError } from './errno.ts'
import { listenForFd } from './fd-listener.ts'
import { type Libc, openLibc } from './ffi.ts'
import type { Child, ChildOptions, FdListener, Kernel, Mount, Pty, SeqpacketSocket } from './kernel.ts'
import { makeNetworkNamespace } from './net-namespace.ts'
import { reseed } from './reseed.ts'
import { connectSeqpacket } from './seqpacket.ts'
import { Spawner } from './spawn.ts'

const MNT_DETACH = 2
const UMOUNT_NOFOLLOW = 8
const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
const CLOCK_REALTIME = 0
/** asm-generic/ioctls.h and linux/tty.h. */
const TIOCSWINSZ = 0x5414n
const TIOCSPTLCK = 0x4004_5431n
const TIOCGPTN = 0x8004_5430n
/** Largest list of extended attribute names (linux/limits.h, XATTR_LIST_MAX) and value (XATTR_SIZE_MAX). */
const XATTR_MAX = 65_536
const O_CLOEXEC = 0o2000000

export class LibcKernel implements Kernel {
  readonly #libc: Libc
  readonly #scratch = new Uint8Array(XATTR_MAX)
  readonly #spawner: Spawner

  /** Throws 'unavailable' when this Node has no FFI. */
  constructor() {
    this.#libc = openLibc()
    this.#spawner = new Spawner(this.#libc)
  }

  mount({ type, source, target, flags = 0, data }: Mount): void {
    const subject = `${type || 'bind'} ${source} on ${target}`
    const mount = () => this.#libc.must('mount', subject, source, target, type, BigInt(flags), data ?? null)
    // overlayfs writes with the rights of whoever mounted it: the disk's reserve is not for containers.
    if (type === 'overlay') withoutReserve(this.#libc, mount)
    else mount()
  }

  unmount(target: string, options: { lazy?: boolean } = {}): void {
    const flags = UMOUNT_NOFOLLOW | (options.lazy ? MNT_DETACH : 0)
    const result = this.#libc.attempt('umount2', target, flags)
    // EINVAL: not a mount point; ENOENT: not even there.
    if (result < 0 && result !== -Errno.EINVAL && result !== -Errno.ENOENT) {
      throw errnoError('umount2', target, -result)
    }
  }

  mknod(path: string, mode: number, major: number, minor: number): void {
    this.#libc.must('mknod', path, path, mode, deviceNumber(major, minor))
  }

  setXattr(path: string, name: string, value: Uint8Array): void {
    // An empty view has no address to pass.
    const bytes = value.length > 0 ? value : new Uint8Array(1)
    this.#libc.must('lsetxattr', `${name} of ${path}`, path, name, bytes, BigInt(value.length), 0)
  }

  getXattr(path: string, name: string): Uint8Array | undefined {
    const length = this.#libc.attempt('lgetxattr', path, name, this.#scratch, BigInt(XATTR_MAX))
    if (length === -Errno.ENODATA || length === -Errno.EOPNOTSUPP) return undefined
    if (length < 0) throw errnoError('lgetxattr', `${name} of ${path}`, -length)
    return this.#scratch.slice(0, length)
  }

  listXattrs(path: string): string[] {
    const length = this.#libc.attempt('llistxattr', path, this.#scratch, BigInt(XATTR_MAX))
    if (length === -Errno.EOPNOTSUPP) return []
    if (length < 0) throw errnoError('llistxattr', path, -length)
    const names = Buffer.from(this.#scratch.buffer, 0, length).toString('utf8').split('\0')
    return names.filter((name) => name !== '')
  }

  removeXattr(path: string, name: string): void {
    const result = this.#libc.attempt('lremovexattr', path, name)
    if (result < 0 && result !== -Errno.ENODATA)
      throw errnoError('lremovexattr', `${name} of ${path}`, -result)
  }

  setTimes(path: string, atimeNs: bigint, mtimeNs: bigint): void {
    const times = new Uint8Array(32)
    const view = new DataView(times.buffer)
    writeTimespec(view, 0, atimeNs)
    writeTimespec(view, 16, mtimeNs)
    this.#libc.must('utimensat', path, AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW)
  }

  syncFilesystem(path: string): void {
    const fd = openSync(path, constants.O_RDONLY)
    try {
      this.#libc.must('syncfs', path, fd)
    } finally {
      closeSync(fd)
    }
  }

  allowDevices(group: string): void {
    allowDevices(this.#libc, group)
  }

  setClock(ms: number): void {
    const time = new Uint8Array(16)
    writeTimespec(new DataView(time.buffer), 0, BigInt(Math.round(ms * 1000)) * 1000n)
    this.#libc.must('clock_settime', 'CLOCK_REALTIME', CLOCK_REALTIME, time)
  }

  reseed(entropy: Uint8Array): void {
    reseed(this.#libc, entropy)
  }

  openPty(): Pty {
    const flags = constants.O_RDWR | constants.O_NOCTTY
    const masterFd = openSync('/dev/ptmx', flags | constants.O_NONBLOCK)
    try {
      this.#libc.must('ioctl', '/dev/ptmx TIOCSPTLCK', masterFd, TIOCSPTLCK, new Uint8Array(4))
      const number = new Uint8Array(4)
      this.#libc.must('ioctl', '/dev/ptmx TIOCGPTN', masterFd, TIOCGPTN, number)
      const index = new DataView(number.buffer).getUint32(0, true)
      return { masterFd, slaveFd: openSync(`/dev/pts/${index}`, flags) }
    } catch (error) {
      closeSync(masterFd)
      throw error
    }
  }

  setWindowSize(fd: number, size: { rows: number; columns: number }): void {
    const window = new Uint16Array([size.rows, size.columns, 0, 0])
    this.#libc.must('ioctl', `${fd} TIOCSWINSZ`, fd, TIOCSWINSZ, new Uint8Array(window.buffer))
  }

  connectSeqpacket(path: string): SeqpacketSocket {
    return connectSeqpacket(this.#libc, path)
  }

  makeNetworkNamespace(path: string): void {
    makeNetworkNamespace(this.#libc, path)
  }

  listenForFd(path: string): FdListener {
    return listenForFd(this.#libc, path)
  }

  pipe(): { readFd: number; writeFd: number } {
    const ends = new Int32Array(32)
    this.#libc.must('pipe2', 'pipe', new Uint8Array(ends.buffer), O_CLOEXEC)
    return { readFd: ends[0] ?? -1, writeFd: ends[1] ?? -1 }
  }

  spawn(options: ChildOptions): Child {
    return this.#spawner.spawn(options)
  }
}

/** glibc's makedev(3). */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)]
  return ((high & 0xfffn) << 8n) | (low & 0xffn) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n)
}

/** struct timespec; seconds are floored, so that nanoseconds stay within 0…999 999 999 before 1970 too. */
function writeTimespec(view: DataView, offset: number, ns: bigint): void {
  const billion = 1_000_000_000n
  const rest = ((ns % billion) + billion) % billion
  view.setBigInt64(offset, (ns - rest) / billion, true)
  view.setBigInt64(offset + 8, rest, true)
}
