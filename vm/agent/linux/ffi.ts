/**
 * libc through `node:ffi`. The module is looked up at run time, so that this file can be imported where it does not
 * exist (unit tests on another Node); only opening needs it.
 */
import type { FfiArgument, FfiSignature } from 'node:ffi'
import { EngineError } from '../../api/errors.ts'
import { Errno, errnoError } from './errno.ts'

const SIGNATURES = {
  __errno_location: { arguments: [], return: 'pointer' },
  mount: { arguments: ['string', 'string', 'string', 'u64', 'string'], return: 'i32' },
  umount2: { arguments: ['string', 'i32'], return: 'i32' },
  mknod: { arguments: ['string', 'u32', 'u64'], return: 'i32' },
  lsetxattr: { arguments: ['string', 'string', 'buffer', 'u64', 'i32'], return: 'i32' },
  lgetxattr: { arguments: ['string', 'string', 'buffer', 'u64'], return: 'i64' },
  llistxattr: { arguments: ['string', 'buffer', 'u64'], return: 'i64' },
  lremovexattr: { arguments: ['string', 'string'], return: 'i32' },
  utimensat: { arguments: ['i32', 'string', 'buffer', 'i32'], return: 'i32' },
  syscall: { arguments: ['i64', 'i64', 'buffer', 'i64'], return: 'i64' },
  syncfs: { arguments: ['i32'], return: 'i32' },
  clock_settime: { arguments: ['i32', 'buffer'], return: 'i32' },
  ioctl: { arguments: ['i32', 'u64', 'buffer'], return: 'i32' },
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  connect: { arguments: ['i32', 'buffer', 'u32'], return: 'i32' },
  send: { arguments: ['i32', 'buffer', 'u64', 'i32'], return: 'i64' },
  bind: { arguments: ['i32', 'buffer', 'u32'], return: 'i32' },
  getsockname: { arguments: ['i32', 'buffer', 'buffer'], return: 'i32' },
  setsockopt: { arguments: ['i32', 'i32', 'i32', 'buffer', 'u32'], return: 'i32' },
  recv: { arguments: ['i32', 'buffer', 'u64', 'i32'], return: 'i64' },
  capget: { arguments: ['buffer', 'buffer'], return: 'i32' },
  capset: { arguments: ['buffer', 'buffer'], return: 'i32' },
  unshare: { arguments: ['i32'], return: 'i32' },
  setns: { arguments: ['i32', 'i32'], return: 'i32' },
  shutdown: { arguments: ['i32', 'i32'], return: 'i32' },
  listen: { arguments: ['i32', 'i32'], return: 'i32' },
  accept4: { arguments: ['i32', 'pointer', 'pointer', 'i32'], return: 'i32' },
  recvmsg: { arguments: ['i32', 'buffer', 'i32'], return: 'i64' },
  pipe2: { arguments: ['buffer', 'i32'], return: 'i32' },
  waitpid: { arguments: ['i32', 'buffer', 'i32'], return: 'i32' },
  posix_spawn: {
    arguments: ['buffer', 'string', 'buffer', 'buffer', 'buffer', 'buffer'],
    return: 'i32',
  },
  posix_spawnattr_init: { arguments: ['buffer'], return: 'i32' },
  posix_spawnattr_destroy: { arguments: ['buffer'], return: 'i32' },
  posix_spawnattr_setflags: { arguments: ['buffer', 'i32'], return: 'i32' },
  posix_spawnattr_setsigdefault: { arguments: ['buffer', 'buffer'], return: 'i32' },
  posix_spawn_file_actions_init: { arguments: ['buffer'], return: 'i32' },
  posix_spawn_file_actions_destroy: { arguments: ['buffer'], return: 'i32' },
  posix_spawn_file_actions_addopen: {
    arguments: ['buffer', 'i32', 'string', 'i32', 'u32'],
    return: 'i32',
  },
  posix_spawn_file_actions_adddup2: { arguments: ['buffer', 'i32', 'i32'], return: 'i32' },
  posix_spawn_file_actions_addclosefrom_np: { arguments: ['buffer', 'i32'], return: 'i32' },
  posix_spawn_file_actions_addchdir_np: { arguments: ['buffer', 'string'], return: 'i32' },
} as const satisfies Record<string, FfiSignature>

export type LibcCall = Exclude<keyof typeof SIGNATURES, '__errno_location'>

export interface Libc {
  /** Calls a function: what it returns, or minus the error number when it returned -1. EINTR is tried again. */
  attempt(name: LibcCall, ...args: FfiArgument[]): number
  /** As `attempt`; a failure throws, naming call and subject. */
  must(name: LibcCall, subject: string, ...args: FfiArgument[]): number
  /** Address of a buffer's first byte; good while the buffer is reachable. */
  addressOf(buffer: Uint8Array): bigint
}

function nodeFfi(): typeof import('node:ffi') {
  const ffi = process.getBuiltinModule('node:ffi') as typeof import('node:ffi') | undefined
  if (ffi) return ffi
  throw new EngineError('unavailable', 'node:ffi is missing: the agent needs Node 26 with --experimental-ffi')
}

/** Functions that Node's own program exports, OpenSSL's among them. */
export function openOwn<T extends Record<string, FfiSignature>>(signatures: T) {
  return nodeFfi().dlopen(null, signatures).functions
}

/** Opens libc. Throws 'unavailable' when Node was not started with `--experimental-ffi` or is older than 26. */
export function openLibc(): Libc {
  const ffi = nodeFfi()
  const { functions } = ffi.dlopen('libc.so.6', SIGNATURES)
  const attempt = (name: LibcCall, ...args: FfiArgument[]): number => {
    for (;;) {
      const result = Number(functions[name](...args))
      if (result !== -1) return result
      // Right after the call, on the same thread: nothing in between may call into libc.
      const errno = ffi.getInt32(functions.__errno_location(), 0)
      if (errno !== Errno.EINTR) return -errno
    }
  }
  const must = (name: LibcCall, subject: string, ...args: FfiArgument[]): number => {
    const result = attempt(name, ...args)
    if (result < 0) throw errnoError(name, subject, -result)
    return result
  }
  return { attempt, must, addressOf: (buffer) => ffi.getRawPointer(buffer) }
}
