/** The runtime: conmon watches, crun makes the calls that Node cannot, the agent does the rest itself. */
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Disposal } from '../../api/disposal.ts'
import type { Kernel } from '../linux/kernel.ts'
import { CGROUP_ROOT, Cgroup } from './cgroup.ts'
import { conmonArguments, spawnConmon, type WaitingConmon } from './conmon.ts'
import type { ExecContext } from './exec.ts'
import { FileArrival } from './file-arrival.ts'
import { createFailure } from './messages.ts'
import type { OciSpec } from './oci.ts'
import { type RuntimePaths, runtimePaths } from './paths.ts'
import { UNLIMITED } from './resources.ts'
import type { Exit, MonitorOptions, Runtime } from './runtime.ts'
import { sealCrun } from './sealed-crun.ts'
import { CGROUP_PARENT } from './spec.ts'
import { CrunTask } from './task.ts'
import { bootId, readIfThere, readTaskState, startedAt, writeTaskState } from './task-state.ts'

/** What a task is said to have exited with when its monitor died with the real code. */
const KILLED = 137
/** Pause between looks at monitors that are not our children. */
const ADOPTED_POLL = 2_000
/** How long a monitor waits for the container that it was started for. */
const PREPARED_MS = 3_000

type CreateOptions = Parameters<Runtime['create']>[0]

export class CrunRuntime implements Runtime, AsyncDisposable {
  readonly #paths: RuntimePaths
  readonly #kernel: Kernel
  readonly #resources = new Disposal()
  readonly #stop = new AbortController()
  #waiting: { id: string; monitor: WaitingConmon; timer: NodeJS.Timeout } | undefined
  #ready: Promise<{ exits: FileArrival; context: ExecContext }> | undefined

  /** `runDir`: a folder on a tmpfs that survives the agent's restart but not the machine's. */
  constructor({ runDir, kernel }: { runDir: string; kernel: Kernel }) {
    this.#paths = runtimePaths(runDir)
    this.#kernel = kernel
  }

  prepare(options: MonitorOptions): void {
    if (this.#waiting || this.#stop.signal.aborted) return
    const { id } = options
    let monitor: WaitingConmon
    try {
      monitor = spawnConmon(this.#kernel, withDefaults(options), this.#paths)
    } catch {
      // Out of processes or memory: `create` tries again, and its caller hears of it.
      return
    }
    const timer = setTimeout(() => void this.discard(id), PREPARED_MS)
    timer.unref()
    this.#waiting = { id, monitor, timer }
  }

  async discard(id: string): Promise<void> {
    if (this.#waiting?.id !== id) return
    const { monitor, timer } = this.#waiting
    clearTimeout(timer)
    this.#waiting = undefined
    monitor.kill()
    await monitor.ended
  }

  async create(options: CreateOptions): Promise<CrunTask> {
    const { id, bundle, spec, signal } = options
    signal?.throwIfAborted()
    const { exits, context } = await this.#open()
    // Left by an agent that died while creating: crun would refuse the id.
    if (existsSync(join(this.#paths.crun, id))) await this.#sweepOne(id)
    mkdirSync(bundle, { recursive: true, mode: 0o700 })
    rmSync(join(this.#paths.exits, id), { force: true })
    writeFileSync(join(bundle, 'config.json'), specText(spec), { mode: 0o600 })
    const cgroup = new Cgroup(join(CGROUP_ROOT, spec.linux.cgroupsPath ?? `${CGROUP_PARENT}/${id}`))
    const program = spec.process.args[0] === '/sbin/docker-init' ? spec.process.args[2] : spec.process.args[0]
    try {
      const monitor = await this.#monitor(withDefaults(options))
      const { conmon, initPid } = await monitor.go((message) => createFailure(message, program ?? ''))
      const state = {
        version: 1 as const,
        bootId: bootId(),
        pid: initPid,
        conmonPid: conmon.pid,
        conmonStarted: startedAt(conmon.pid) ?? '',
        cgroup: cgroup.path,
      }
      writeTaskState(bundle, state)
      const exit = this.#exit(id, cgroup, exits, conmon.ended)
      return new CrunTask({ id, bundle, pid: initPid, cgroup, exit, context })
    } catch (error) {
      await this.#clear(id, bundle, cgroup)
      throw error
    }
  }

  /** The one that waits, when it was started for just this; else a new one. */
  async #monitor(options: Required<MonitorOptions>): Promise<WaitingConmon> {
    const waiting = this.#waiting
    if (waiting?.id === options.id) {
      const { monitor } = waiting
      if (sameWords(monitor.arguments, conmonArguments(options, this.#paths))) {
        clearTimeout(waiting.timer)
        this.#waiting = undefined
        return monitor
      }
      await this.discard(options.id)
    }
    return spawnConmon(this.#kernel, options, this.#paths)
  }

  async load({ id, bundle }: Parameters<Runtime['load']>[0]): Promise<CrunTask | undefined> {
    const { exits, context } = await this.#open()
    const state = readTaskState(bundle)
    if (!state) {
      await this.#sweepOne(id)
      return undefined
    }
    const cgroup = new Cgroup(state.cgroup)
    const exit = this.#exit(id, cgroup, exits, this.#adopted(state.conmonPid, state.conmonStarted))
    return new CrunTask({ id, bundle, pid: state.pid, cgroup, exit, context })
  }

  /** Kills and clears every container of crun that is not in `keep`: leftovers of an agent that died while creating. */
  async sweep(keep: ReadonlySet<string>): Promise<void> {
    await this.#open()
    const names = await readdir(this.#paths.crun)
    await Promise.all(
      names.filter((id) => !id.startsWith('.') && !keep.has(id)).map((id) => this.#sweepOne(id)),
    )
  }

  /** Lets go of watches and timers; containers and their monitors go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    if (this.#waiting) await this.discard(this.#waiting.id)
    await this.#resources[Symbol.asyncDispose]()
  }

  #open() {
    this.#ready ??= this.#prepare()
    return this.#ready
  }

  async #prepare() {
    const paths = this.#paths
    const folders = [paths.crun, paths.exits, paths.execs, paths.tmp]
    await Promise.all(folders.map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })))
    sealCrun(this.#kernel, paths.program)
    // What a former agent left of its execs is of no use; their programs go on without.
    const stale = await readdir(paths.execs)
    await Promise.all(stale.map((name) => rm(join(paths.execs, name), { force: true })))
    const exits = this.#resources.use(new FileArrival(paths.exits))
    const arrivals = this.#resources.use(new FileArrival(paths.execs))
    return { exits, context: { kernel: this.#kernel, paths, arrivals } }
  }

  /** The exit file, or, when the monitor is gone without one, the end that we make. */
  async #exit(id: string, cgroup: Cgroup, exits: FileArrival, monitorEnded: Promise<void>): Promise<Exit> {
    const look = () => this.#readExit(id, cgroup)
    const settled = new AbortController()
    const arrived = exits.wait(id, look, { signal: settled.signal })
    // The file is the monitor's last act: if it is not there afterwards it never will be.
    const exit = await Promise.race([arrived, monitorEnded.then(look)])
    settled.abort()
    await arrived.catch(() => undefined)
    if (exit) return exit
    // Its output has nobody to go to any more: it cannot be left running.
    await cgroup.kill()
    return { exitCode: KILLED, oomKilled: (await cgroup.oomKills()) > 0, exitedAt: Date.now() }
  }

  async #readExit(id: string, cgroup: Cgroup): Promise<Exit | undefined> {
    const path = join(this.#paths.exits, id)
    const text = readIfThere(path)
    if (text === undefined || text === '') return undefined
    const { mtimeMs } = statSync(path)
    const oomKills = await cgroup.oomKills()
    return { exitCode: Number(text) & 0xff, oomKilled: oomKills > 0, exitedAt: mtimeMs }
  }

  /** The end of a monitor that a former agent started: not our child, so it is looked at now and then. */
  async #adopted(pid: number, started: string): Promise<void> {
    const { signal } = this.#stop
    const alive = () => {
      try {
        return startedAt(pid) === started
      } catch {
        // Out of files or memory for a moment: no reason to believe it dead, which would end the container.
        return true
      }
    }
    while (!signal.aborted && alive()) await sleep(ADOPTED_POLL, undefined, { ref: false })
    // Letting go of the task is not its end.
    if (signal.aborted) await new Promise<never>(() => undefined)
  }

  async #sweepOne(id: string): Promise<void> {
    const status = readIfThere(join(this.#paths.crun, id, 'status'))
    const path = /"cgroup-path": "([^"]+)"/.exec(status ?? '')?.[1]
    const cgroup = new Cgroup(join(CGROUP_ROOT, path ?? `${CGROUP_PARENT}/${id}`))
    await this.#clear(id, undefined, cgroup)
  }

  async #clear(id: string, bundle: string | undefined, cgroup: Cgroup): Promise<void> {
    await cgroup.remove()
    const folders = [join(this.#paths.crun, id), join(this.#paths.exits, id)]
    const files =
      bundle === undefined ? [] : ['task.json', 'attach', 'ctl', 'winsz', 'pid'].map((f) => join(bundle, f))
    for (const path of [...folders, ...files]) rmSync(path, { recursive: true, force: true })
  }
}

function withDefaults(options: MonitorOptions): Required<MonitorOptions> {
  const { id, bundle, logPath, tty, openStdin, stdinOnce = true } = options
  return { id, bundle, logPath, tty, openStdin, stdinOnce }
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, at) => word === b[at])
}

/** The spec's JSON; JSON numbers of 64 bits do not fit a double, so the mark of "unlimited" becomes RLIM_INFINITY. */
export function specText(spec: OciSpec): string {
  return JSON.stringify(spec).replaceAll(`:${UNLIMITED}`, ':18446744073709551615')
}
