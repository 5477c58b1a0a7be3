/**
 * The only door to the kernel: what the agent needs of Linux beyond node:fs. Implemented over `node:ffi` in
 * `libc.ts`, recorded by `fake.ts` in unit tests. All calls are synchronous system calls that do not block for long
 * (exceptions say so); a failure throws EngineError 'internal' (or the kind that fits: not_found for ENOENT,
 * permission_denied for EPERM/EACCES, conflict for EBUSY, unavailable for ENOSPC) naming call, subject and errno.
 */
export interface Kernel {
  /** mount(2). `flags` from `MountFlag`; `data` is the filesystem's own option string. */
  mount(mount: Mount): void
  /** umount2(2) with MNT_DETACH when `lazy`. Not mounted is not an error. */
  unmount(target: string, options?: { lazy?: boolean }): void
  /** mknod(2) without following links. `mode` includes the type bits. */
  mknod(path: string, mode: number, major: number, minor: number): void
  /** lsetxattr, lgetxattr (undefined when absent), llistxattr, lremovexattr. */
  setXattr(path: string, name: string, value: Uint8Array): void
  getXattr(path: string, name: string): Uint8Array | undefined
  listXattrs(path: string): string[]
  removeXattr(path: string, name: string): void
  /** utimensat(2) with AT_SYMLINK_NOFOLLOW, nanoseconds since the epoch. */
  setTimes(path: string, atimeNs: bigint, mtimeNs: bigint): void
  /** syncfs(2) of the filesystem that holds `path`. May block. */
  syncFilesystem(path: string): void
  /**
   * Attaches a device program that allows everything to a control group, given by its path. While any such program is
   * attached, containers that come and go do not make the kernel patch itself.
   */
  allowDevices(group: string): void
  /** clock_settime(CLOCK_REALTIME), milliseconds since the epoch. */
  setClock(ms: number): void
  /** Has kernel and OpenSSL draw new randomness, `entropy` in it: what they give from now on follows from nothing before. */
  reseed(entropy: Uint8Array): void
  /** Opens a pseudo-terminal pair. The caller closes both. */
  openPty(): Pty
  /** TIOCSWINSZ on the master of a pty. */
  setWindowSize(fd: number, size: { rows: number; columns: number }): void
  /** Connects to a SOCK_SEQPACKET unix socket (conmon's attach socket), non-blocking, close-on-exec. */
  connectSeqpacket(path: string): SeqpacketSocket
  /** Makes a network namespace, its loopback interface up, and binds it on the file `path`, which must exist. */
  makeNetworkNamespace(path: string): void
  /** Listens on a new unix socket at `path` for one file descriptor sent over it (SCM_RIGHTS). */
  listenForFd(path: string): FdListener
  /** pipe2(2), both ends close-on-exec and blocking, the caller's to close. */
  pipe(): { readFd: number; writeFd: number }
  /**
   * Runs a program; throws when it cannot be run (not_found when it is not there). Main thread only. Waiting for its
   * `exit` keeps no event loop alive.
   */
  spawn(options: ChildOptions): Child
}

export interface ChildOptions {
  /** Absolute path. */
  readonly program: string
  /** Without the program's own name. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Descriptor n of the child is the n-th of ours, or /dev/null; it gets no other. They stay open on our side. */
  readonly stdio: readonly (number | 'null')[]
  readonly cwd?: string
  /** It leads a session of its own: no signal of ours reaches it. */
  readonly session?: boolean
}

export interface Child {
  readonly pid: number
  readonly exit: Promise<ChildExit>
  /** False when it has ended. */
  kill(signal: NodeJS.Signals): boolean
}

export interface ChildExit {
  /** 128 + n when signal n ended it. */
  readonly code: number
  readonly signal?: number
}

/**
 * A mount as plain data: snapshotters and volumes emit it, the runtime and the kernel door consume it; no component
 * mounts on behalf of another.
 */
export interface Mount {
  type: string
  source: string
  target: string
  flags?: number
  data?: string
}

export interface Pty {
  masterFd: number
  slaveFd: number
}

export interface SeqpacketSocket extends Disposable {
  /** Sends one packet; false when the peer's buffer is full (try again later). Throws when the peer is gone. */
  send(packet: Uint8Array): boolean
  /** Ends our direction (the peer reads EOF). */
  shutdown(): void
}

export interface FdListener extends Disposable {
  /**
   * The descriptor that a peer has connected and sent, close-on-exec and non-blocking, now the caller's to close;
   * undefined when none has come yet.
   */
  receive(): number | undefined
}

/** mount(2) flags (linux/mount.h). */
export const MountFlag = {
  READONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  NOATIME: 1024,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
} as const
