import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type FileHandle, open, rename, rm, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { cpus, release } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import type { BootMarks } from './boot-marks.ts'
import type { MemoryUse, VmSpec } from './driver.ts'
import type { MachineFile } from './machine-json.ts'
import type { MachinePaths } from './paths.ts'
import { qemuArgs } from './qemu-args.ts'
import type { Qmp } from './qmp.ts'

/** Raised when what a guest holds at that moment changes its meaning. */
const FORMAT = 1
/** One that cannot be kept or does not come up is tried once more, then left alone until something changes. */
const MOST_FAILURES = 2
const LOOK_MS = 10
/** It takes 200 MB; a disk that is nearly full is for other things. */
const LEAST_FREE_BYTES = 2e9
const UNLIMITED = 2 ** 40

/** What a kept memory depends on, beside the options that the VM is started with. */
export interface MemoryFacts {
  /** Tells one installed hypervisor from another. */
  readonly hypervisor: string
  /** Digest of the initramfs: engine, keys and configuration are in it. */
  readonly initrd: string
}

interface Held {
  readonly qmp: Qmp
  readonly marks: BootMarks
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void
  readonly signal: AbortSignal
}

/**
 * The machine's memory at the moment when everything is loaded and nothing of the data disk is known yet, kept on disk: later
 * starts of the very same machine begin there (`restore`) instead of with the kernel. Only under emulation, where that is
 * most of a start. Kept by everything it depends on; what does not match is removed.
 */
export class MemoryImage {
  readonly #paths: MachinePaths
  readonly #file: MachineFile
  #key = ''

  constructor(paths: MachinePaths, file: MachineFile) {
    this.#paths = paths
    this.#file = file
  }

  /**
   * How this start is to be made: from the memory, or so that its memory can be kept; undefined when neither. Where it was
   * tried: an x86 machine that is emulated, on systems whose QEMU can read a file through `cat`.
   */
  async plan(spec: VmSpec, facts: MemoryFacts): Promise<MemoryUse | undefined> {
    if (spec.accelerator !== 'tcg' || spec.arch !== 'x64' || process.platform === 'win32') return undefined
    const path = this.#paths.memory
    this.#key = await keyOf(spec, facts)
    const known = this.#file.record.memory
    if (known?.key === this.#key) {
      if (known.failures >= MOST_FAILURES) return undefined
      if (known.bytes > 0 && known.bytes === (await sizeOf(path))) return { use: 'restore', path }
    }
    await rm(path, { force: true })
    const { bavail, bsize } = await statfs(this.#paths.home)
    return bavail * bsize < LEAST_FREE_BYTES ? undefined : { use: 'hold' }
  }

  /**
   * The guest loads everything and waits: its memory is kept, then it may go on, whatever became of that. Answers whether it
   * has waited: one of an older image does not.
   */
  async keepHeld({ qmp, marks, log, signal }: Held): Promise<boolean> {
    const notKept = async (error: unknown): Promise<void> => {
      log('machine: its memory is not kept', { error: messageOf(error) })
      if (!signal.aborted) await this.failed()
    }
    const { type } = await marks.until((mark) => mark.type === 'holding' || mark.type === 'data disk', signal)
    const held = type === 'holding'
    try {
      if (!held) throw new EngineError('internal', 'the guest did not wait')
      await marks.until((mark) => mark.type === 'sshd ready', signal)
      const { done } = await this.#keep(qmp, signal)
      done.catch(notKept)
    } catch (error) {
      await notKept(error)
    }
    await letGo(qmp)
    return held
  }

  /**
   * Keeps the memory of a VM that runs; it stands still meanwhile and goes on as soon as all is read. `done` is when the
   * file can be relied on.
   */
  async #keep(qmp: Qmp, signal: AbortSignal): Promise<{ done: Promise<void> }> {
    const temporary = `${this.#paths.memory}.tmp`
    const key = this.#key
    const file = await open(temporary, 'w', 0o600)
    try {
      await readOut(qmp, file, this.#paths.memorySocket, signal)
    } catch (error) {
      await file.close()
      await rm(temporary, { force: true })
      throw error
    }
    return { done: this.#settle(file, temporary, key) }
  }

  /** It did not serve: it is removed, and made again only so often. */
  async failed(): Promise<void> {
    const before = this.#file.record.memory
    const failures = (before?.key === this.#key ? before.failures : 0) + 1
    await this.#file.update((record) => ({ ...record, memory: { key: this.#key, bytes: 0, failures } }))
    await rm(this.#paths.memory, { force: true })
  }

  /** A power cut must not leave half of it under a name that counts. */
  async #settle(file: FileHandle, temporary: string, key: string): Promise<void> {
    try {
      await file.sync()
      const { size } = await file.stat()
      await rename(temporary, this.#paths.memory)
      await this.#file.update((record) => {
        const failures = record.memory?.key === key ? record.memory.failures : 0
        return { ...record, memory: { key, bytes: size, failures } }
      })
    } finally {
      await file.close()
    }
  }
}

/** Lets a VM go on that stands still or waits for its network: `set_link` is what a held guest looks for. */
export async function letGo(qmp: Qmp): Promise<void> {
  await qmp.execute('set_link', { name: 'net', up: true })
  await qmp.execute('cont')
}

/** What has to be the same for a memory to be the memory of this machine. */
async function keyOf(spec: VmSpec, { hypervisor, initrd }: MemoryFacts): Promise<string> {
  const args = qemuArgs({ ...spec, sshPort: 0, memory: { use: 'hold' } }, process.platform)
  const files = await Promise.all(
    [spec.kernel, spec.systemDisk].map(async (path) => {
      const { size, mtimeMs, ino } = await stat(path)
      return [path, size, mtimeMs, ino]
    }),
  )
  const disk = await sizeOf(spec.dataDisk)
  // The guest has measured the processor's clock.
  const host = [release(), cpus()[0]?.model]
  const facts = [FORMAT, hypervisor, initrd, args, files, disk, host]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

/** Has QEMU send its state to us, which ends for sure where a file of its own would have to be looked at. */
async function readOut(qmp: Qmp, file: FileHandle, path: string, signal: AbortSignal): Promise<void> {
  await rm(path, { force: true })
  const server = createServer().listen(path)
  await once(server, 'listening', { signal })
  try {
    await qmp.execute('stop')
    await qmp.execute('migrate-set-parameters', { 'max-bandwidth': UNLIMITED })
    const connected = once(server, 'connection', { signal })
    connected.catch(() => undefined)
    await qmp.execute('migrate', { uri: `unix:${path}` })
    const [socket] = await connected
    await file.writeFile(socket, { signal })
    await untilSent(qmp, signal)
  } finally {
    server.close()
    await qmp.execute('cont')
  }
}

async function untilSent(qmp: Qmp, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { status } = (await qmp.execute('query-migrate')) as { status?: string }
    if (status === 'completed') return
    if (status === 'failed' || status === 'cancelled')
      throw new EngineError('internal', `the machine's memory cannot be kept: ${status}`)
    await sleep(LOOK_MS, undefined, { signal })
  }
}
