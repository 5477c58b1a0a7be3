import { saidError } from '../sayings.ts'
import type { VmHandle } from './driver.ts'
import { Lock } from './lock.ts'
import { MachineFile } from './machine-json.ts'
import type { MachineOptions } from './machine-options.ts'
import type { MachinePaths } from './paths.ts'

/** What this process holds of a home: its lock, `machine.json`, and the search for a VM that an earlier one left. */
export class Ownership implements AsyncDisposable {
  readonly #options: Pick<MachineOptions, 'driver' | 'log'>
  readonly #paths: MachinePaths
  #owned: Promise<{ lock: Lock; file: MachineFile }> | undefined
  #finding: Promise<VmHandle | undefined> | undefined
  #disposed = false

  constructor(options: Pick<MachineOptions, 'driver' | 'log'>, paths: MachinePaths) {
    this.#options = options
    this.#paths = paths
  }

  /** Takes the home's lock, once. 'conflict' while another process has it. */
  async take(): Promise<MachineFile> {
    if (this.#disposed) throw saidError('unavailable', { code: 'vm_stopped' })
    this.#owned ??= this.#open().catch((error: unknown) => {
      this.#owned = undefined
      throw error
    })
    return (await this.#owned).file
  }

  /**
   * The VM of an earlier process when one runs and has come to life; one that never did is ended. One search at a time: a
   * monitor talks to one client only. `busy`: one is known to run, so none is looked for.
   */
  find(busy: () => boolean): Promise<VmHandle | undefined> {
    const search = (this.#finding ?? Promise.resolve()).catch(() => undefined).then(() => this.#search(busy))
    this.#finding = search
    return search
  }

  async forgetVm(): Promise<void> {
    const file = await this.take()
    await file.update(({ vm: _ended, ...record }) => record)
  }

  /** The next start begins with the kernel: what is kept of the memory may be why the machine died. */
  async forgetMemory(): Promise<void> {
    const file = await this.take()
    await file.update(({ memory: _forgotten, ...record }) => record)
  }

  /** Gives the lock back; nothing can be taken afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    const owned = await this.#owned?.catch(() => undefined)
    await owned?.lock[Symbol.asyncDispose]()
  }

  async #open(): Promise<{ lock: Lock; file: MachineFile }> {
    const lock = await Lock.acquire(this.#paths.lockFile)
    try {
      return { lock, file: await MachineFile.open(this.#paths.machineFile) }
    } catch (error) {
      await lock[Symbol.asyncDispose]()
      throw error
    }
  }

  async #search(busy: () => boolean): Promise<VmHandle | undefined> {
    if (busy()) return undefined
    const file = await this.take()
    const { pidFile, monitor, qemuLog } = this.#paths
    const record = { id: file.record.id, pidFile, monitor, stderrLog: qemuLog }
    const handle = await this.#options.driver.adopt(record)
    if (!handle) return undefined
    if (file.record.vm?.booted) return handle
    this.#options.log('machine: ended a virtual machine that never came up', { pid: handle.pid })
    await handle.stop()
    return undefined
  }
}
