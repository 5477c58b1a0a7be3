import type { Exit, VmHandle } from './driver.ts'
import type { Qmp, QmpConnection } from './qmp.ts'

interface HandleParts {
  readonly pid: number
  readonly qmp: QmpConnection
  readonly exited: Promise<Exit>
  readonly onDetach?: () => void
  /** Keeps this process from ending before it has seen the VM's end. */
  readonly ref?: () => void
}

/** A running QEMU, started or adopted by this process. */
export class QemuHandle implements VmHandle {
  readonly pid: number
  readonly exited: Promise<Exit>
  readonly #qmp: QmpConnection
  readonly #onDetach: () => void
  readonly #ref: () => void
  #over = false

  constructor({ pid, qmp, exited, onDetach, ref }: HandleParts) {
    this.pid = pid
    this.exited = exited
    this.#qmp = qmp
    this.#onDetach = onDetach ?? (() => undefined)
    this.#ref = ref ?? (() => undefined)
    void exited.then(() => {
      this.#over = true
    })
  }

  get qmp(): Qmp {
    return this.#qmp
  }

  async stop({ graceMs = 4_000 }: { graceMs?: number } = {}): Promise<Exit> {
    this.#ref()
    // Its answer may come or be cut off by its effect; only the end counts.
    this.#qmp.execute('quit').catch(() => undefined)
    if (await this.#ends(graceMs / 2)) return this.exited
    this.#signal('SIGTERM')
    if (await this.#ends(graceMs / 2)) return this.exited
    return this.kill()
  }

  kill(): Promise<Exit> {
    this.#ref()
    this.#signal('SIGKILL')
    return this.exited
  }

  async detach(): Promise<void> {
    this.#onDetach()
    await this.#qmp.close()
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#over) return
    try {
      process.kill(this.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  async #ends(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), ms)
    })
    const ended = await Promise.race([this.exited.then(() => true), late])
    clearTimeout(timer)
    return ended
  }
}
