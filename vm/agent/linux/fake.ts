/** A kernel that only remembers: for unit tests of what sits on top of it. */
import { EngineError } from '../../api/errors.ts'
import type { Child, ChildOptions, FdListener, Kernel, Mount, Pty, SeqpacketSocket } from './kernel.ts'

export interface KernelCall {
  name: keyof Kernel
  args: unknown[]
}

/**
 * Records every call in `calls`, keeps mounts and extended attributes so that what was set can be read back, and
 * fails where `failures` names a call (once per entry).
 */
export class FakeKernel implements Kernel {
  readonly calls: KernelCall[] = []
  readonly mounts: Mount[] = []
  readonly xattrs = new Map<string, Map<string, Uint8Array>>()
  readonly failures: { name: keyof Kernel; error: EngineError }[] = []
  /** Packets sent per socket path; `'EOF'` marks shutdown. */
  readonly packets = new Map<string, (Uint8Array | 'EOF')[]>()
  /** While true, sockets are full. */
  full = false
  /** While true, sockets have lost their peer. */
  peerGone = false
  #nextFd = 1_000_000

  mount(mount: Mount): void {
    this.#record('mount', mount)
    this.mounts.push(mount)
  }

  unmount(target: string, options: { lazy?: boolean } = {}): void {
    this.#record('unmount', target, options)
    const index = this.mounts.findLastIndex((mount) => mount.target === target)
    if (index >= 0) this.mounts.splice(index, 1)
  }

  mknod(path: string, mode: number, major: number, minor: number): void {
    this.#record('mknod', path, mode, major, minor)
  }

  setXattr(path: string, name: string, value: Uint8Array): void {
    this.#record('setXattr', path, name, value)
    const attributes = this.xattrs.get(path) ?? new Map<string, Uint8Array>()
    attributes.set(name, value)
    this.xattrs.set(path, attributes)
  }

  getXattr(path: string, name: string): Uint8Array | undefined {
    return this.xattrs.get(path)?.get(name)
  }

  listXattrs(path: string): string[] {
    return [...(this.xattrs.get(path)?.keys() ?? [])]
  }

  removeXattr(path: string, name: string): void {
    this.#record('removeXattr', path, name)
    this.xattrs.get(path)?.delete(name)
  }

  setTimes(path: string, atimeNs: bigint, mtimeNs: bigint): void {
    this.#record('setTimes', path, atimeNs, mtimeNs)
  }

  syncFilesystem(path: string): void {
    this.#record('syncFilesystem', path)
  }

  allowDevices(group: string): void {
    this.#record('allowDevices', group)
  }

  setClock(ms: number): void {
    this.#record('setClock', ms)
  }

  reseed(entropy: Uint8Array): void {
    this.#record('reseed', entropy)
  }

  openPty(): Pty {
    this.#record('openPty')
    return { masterFd: this.#nextFd++, slaveFd: this.#nextFd++ }
  }

  setWindowSize(fd: number, size: { rows: number; columns: number }): void {
    this.#record('setWindowSize', fd, size)
  }

  connectSeqpacket(path: string): SeqpacketSocket {
    this.#record('connectSeqpacket', path)
    const sent = this.packets.get(path) ?? []
    this.packets.set(path, sent)
    let open = true
    return {
      send: (packet) => {
        if (!open || this.peerGone) throw new EngineError('unavailable', `send ${path}: EPIPE`)
        if (this.full) return false
        sent.push(packet.slice())
        return true
      },
      shutdown: () => {
        sent.push('EOF')
      },
      [Symbol.dispose]: () => {
        open = false
      },
    }
  }

  makeNetworkNamespace(path: string): void {
    this.#record('makeNetworkNamespace', path)
    this.mounts.push({ type: '', source: 'netns', target: path })
  }

  listenForFd(path: string): FdListener {
    this.#record('listenForFd', path)
    return { receive: () => this.#nextFd++, [Symbol.dispose]: () => undefined }
  }

  pipe(): { readFd: number; writeFd: number } {
    this.#record('pipe')
    return { readFd: this.#nextFd++, writeFd: this.#nextFd++ }
  }

  /** A child that never ends. */
  spawn(options: ChildOptions): Child {
    this.#record('spawn', options)
    return { pid: this.#nextFd++, exit: new Promise(() => undefined), kill: () => true }
  }

  #record(name: keyof Kernel, ...args: unknown[]): void {
    this.calls.push({ name, args })
    const index = this.failures.findIndex((failure) => failure.name === name)
    const [failure] = index < 0 ? [] : this.failures.splice(index, 1)
    if (failure) throw failure.error
  }
}
