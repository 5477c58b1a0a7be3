/** One container's task: its init, its monitor and its cgroup. */
import { closeSync, constants, openSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../../api/errors.ts'
import type { Cgroup } from './cgroup.ts'
import { ControlMessage } from './conmon.ts'
import { type ExecContext, startExec } from './exec.ts'
import type { OciProcess } from './oci.ts'
import type { ExecTask, Exit, Task } from './runtime.ts'
import { openMonitorStdin } from './stdin.ts'

/** How long a monitor may take to report the end of a killed task, in milliseconds. */
const EXIT_GRACE = 15_000

export interface TaskParts {
  id: string
  bundle: string
  pid: number
  cgroup: Cgroup
  /** Resolves once, when the task ended and the monitor has written all its output to the log. */
  exit: Promise<Exit>
  context: ExecContext
}

export class CrunTask implements Task {
  readonly id: string
  readonly pid: number
  readonly cgroup: string
  readonly netns: string
  readonly #parts: TaskParts
  #ended: Exit | undefined

  constructor(parts: TaskParts) {
    this.#parts = parts
    this.id = parts.id
    this.pid = parts.pid
    this.cgroup = parts.cgroup.path
    this.netns = `/proc/${parts.pid}/ns/net`
    void parts.exit.then((exit) => {
      this.#ended = exit
    })
  }

  /**
   * Lets the user's program go, as `crun start` does but without a spawn: the init waits for one byte in this fifo
   * (libcrun_status_write_exec_fifo of crun 1.21). Started already is fine.
   */
  async start(): Promise<void> {
    const fifo = join(this.#parts.context.paths.crun, this.id, 'exec.fifo')
    // Not blocking: a fifo without a reader means that the init is gone.
    const fd = openFifo(fifo)
    if (fd === 'missing') return
    if (fd === 'no reader') {
      throw new EngineError('unavailable', `container ${this.id}: its process ended before it was started`)
    }
    try {
      unlinkSync(fifo)
      writeSync(fd, new Uint8Array(1))
    } finally {
      closeSync(fd)
    }
  }

  wait(): Promise<Exit> {
    return this.#parts.exit
  }

  async kill(signal: number, options: { all?: boolean } = {}): Promise<void> {
    if (this.#ended) throw this.#notRunning()
    if (options.all && signal === 9) return this.#parts.cgroup.kill()
    const pids = options.all ? await this.#parts.cgroup.pids() : [this.pid]
    const reached = pids.map((pid) => this.#signal(pid, signal))
    if (!reached.some(Boolean)) throw this.#notRunning()
  }

  async pause(): Promise<void> {
    if (!(await this.#parts.cgroup.freeze())) throw this.#notRunning()
  }

  async resume(): Promise<void> {
    await this.#parts.cgroup.thaw()
  }

  openStdin(): Writable {
    return openMonitorStdin(this.#parts.context.kernel, this.#parts.bundle)
  }

  async resize({ rows, columns }: { rows: number; columns: number }): Promise<void> {
    await this.#control(ControlMessage.resize(rows, columns))
  }

  async reopenLog(): Promise<void> {
    await this.#control(ControlMessage.reopenLog())
  }

  async exec(options: {
    process: OciProcess
    tty: boolean
    stdin: boolean
    signal?: AbortSignal
  }): Promise<ExecTask> {
    if (this.#ended) throw new EngineError('conflict', `container ${this.id} is not running`)
    return startExec(this.#parts.context, this.id, options)
  }

  /** Without `crun delete`: what crun would remove are its state folder and the cgroup. Kills what still runs. */
  async delete(): Promise<void> {
    const { bundle, cgroup, context, exit } = this.#parts
    if (!this.#ended) {
      await cgroup.kill()
      // The monitor's last act is the exit file, which is ours to remove.
      await Promise.race([exit, sleep(EXIT_GRACE, undefined, { ref: false })])
    }
    await cgroup.remove()
    const leftovers = ['task.json', 'attach', 'ctl', 'winsz', 'pid', 'oom', 'config.json'].map((name) =>
      join(bundle, name),
    )
    const all = [join(context.paths.crun, this.id), join(context.paths.exits, this.id), ...leftovers]
    for (const path of all) rmSync(path, { recursive: true, force: true })
  }

  async #control(message: string): Promise<void> {
    const fd = openFifo(join(this.#parts.bundle, 'ctl'))
    if (typeof fd === 'string') throw this.#notRunning()
    try {
      writeSync(fd, message)
    } finally {
      closeSync(fd)
    }
  }

  #signal(pid: number, signal: number): boolean {
    try {
      return process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
      throw error
    }
  }

  #notRunning(): EngineError {
    return new EngineError('not_found', `container ${this.id} is not running`)
  }
}

/** Opens a fifo for writing without waiting for a reader. */
function openFifo(path: string): number | 'no reader' | 'missing' {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENXIO') return 'no reader'
    if (code === 'ENOENT') return 'missing'
    throw error
  }
}
