import type { Duplex } from 'node:stream'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import { type Saying, saidBy, saidError, say } from '../sayings.ts'
import { Boot, type BootContext, type Booted } from './boot.ts'
import { untilAborted, within } from './deadline.ts'
import type { Dial } from './dial.ts'
import type { Exit, VmHandle } from './driver.ts'
import { deathOf, describeExit, endOf, sayingOf } from './exit.ts'
import { type MachineOptions, type MachineTimeouts, TIMEOUTS } from './machine-options.ts'
import { Ownership } from './ownership.ts'
import { type MachinePaths, machinePaths } from './paths.ts'
import { powerOff } from './power-off.ts'
import { Recovery } from './recovery.ts'
import { logTail } from './serial.ts'
import type { Session, SessionOptions, ShellSession, Ssh } from './ssh.ts'
import type { SshListener } from './ssh-listener.ts'
import type { MachineState, Problem, StartStep } from './state.ts'
import { StateCell } from './state-cell.ts'
import { Supervisor } from './supervisor.ts'

/** A VM that runs, and what watches over it. */
interface Live extends Booted {
  readonly supervisor: Supervisor
}

interface Starting {
  readonly done: Promise<void>
  readonly cancel: AbortController
}

const RETRY: Saying = { code: 'retry' }

/**
 * The one virtual machine of a home: its state machine and everything between "stopped" and "the engine answers".
 * One writer of the state; every reader is a subscriber. The VM outlives this object and its process: `dispose` lets go
 * of it, and the next Machine of the same home takes it over (`start`, or `attach` when it must not be started).
 *
 * One process owns a home at a time: `start`, `attach` and `stop` fail with 'conflict' while another one does.
 */
export class Machine implements AsyncDisposable {
  readonly #options: MachineOptions
  readonly #paths: MachinePaths
  readonly #timeouts: MachineTimeouts
  readonly #cell: StateCell
  readonly #home: Ownership
  readonly #recovery = new Recovery()
  readonly #problems = new Map<Problem['code'], Problem>()
  #starting: Starting | undefined
  #stopping: Promise<void> | undefined
  /** While the pieces of a machine that died are picked up; until then its state is that of before. */
  #burying: Promise<void> | undefined
  #live: Live | undefined
  /** What streams go through, from the `engine` step on. */
  #ssh: Ssh | undefined
  #disposed = false

  constructor(options: MachineOptions) {
    this.#options = options
    this.#paths = machinePaths(options.home)
    this.#timeouts = { ...TIMEOUTS, ...options.timeouts }
    this.#cell = new StateCell(options.log)
    this.#home = new Ownership(options, this.#paths)
  }

  /** The current state; immutable. */
  get state(): MachineState {
    return this.#cell.state
  }

  /** Where this machine keeps its files. */
  get paths(): MachinePaths {
    return this.#paths
  }

  /** Calls `listener` with the current state at once, then with every change. Answers the unsubscribe. */
  subscribe(listener: (state: MachineState) => void): () => void {
    return this.#cell.subscribe(listener)
  }

  /**
   * Starts the machine, or takes over the one that runs. Resolves when it is running; a call during a start joins it, on
   * a running machine it does nothing, while stopping it waits and then starts. Rejects with the failure that the state
   * shows ('vm_failed' with a hint), or 'cancelled' when `stop` ended the start. The signal ends this caller's wait only.
   */
  async start({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    await untilAborted(this.#stopping?.catch(() => undefined) ?? Promise.resolve(), signal)
    if (this.#burying) await untilAborted(this.#burying, signal)
    if (this.#live && !this.#starting) return
    await this.#home.take()
    const starting = this.#starting ?? this.#begin((boot) => this.#adoptOrBoot(boot))
    await untilAborted(starting.done, signal)
  }

  /** Takes over the VM of this home when one runs (one that panics meanwhile is started anew); false when none runs. */
  async attach({ signal }: { signal?: AbortSignal } = {}): Promise<boolean> {
    if (this.#burying) await untilAborted(this.#burying, signal)
    if (this.#live || this.#starting) return this.start(signal ? { signal } : {}).then(() => true)
    const handle = await this.#find()
    if (this.#live || this.#starting) {
      await handle?.detach()
      return this.start(signal ? { signal } : {}).then(() => true)
    }
    if (!handle) return false
    const starting = this.#begin((boot) => boot.adopt(handle))
    await untilAborted(starting.done, signal)
    return true
  }

  /**
   * Stops the machine in order: the guest powers itself off, then QEMU is ended. Ends a start that is under way. Joins a
   * stop that is. Resolves when the VM is gone, whatever its state was.
   */
  async stop({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = undefined
    })
    await untilAborted(this.#stopping, signal)
  }

  async restart(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.stop(options)
    await this.start(options)
  }

  /** Streams into the guest; usable from the `engine` step on, 'unavailable' when the machine does not run. */
  readonly dial: Dial = (target, options) => {
    if (!this.#ssh) return Promise.reject(notRunning())
    return this.#ssh.dial(target, options)
  }

  /** A login shell in the VM; with a `command`, that one runs in the terminal instead. */
  shell(options: {
    rows: number
    columns: number
    command?: string
    signal?: AbortSignal
  }): Promise<ShellSession> {
    if (!this.#ssh) return Promise.reject(notRunning())
    const { rows, columns, ...rest } = options
    return this.#ssh.shell({ ...rest, size: { rows, columns } })
  }

  /** A command (or login shell) of the VM as `ssh` runs one: streams apart, stdin with an end, how it ended. */
  run(options: SessionOptions): Promise<Session> {
    if (!this.#ssh) return Promise.reject(notRunning())
    return this.#ssh.run(options)
  }

  /** Has the guest listen on a unix socket as long as this machine runs. See Ssh. */
  listen(path: string, onStream: (stream: Duplex) => void): SshListener {
    if (!this.#ssh) throw notRunning()
    return this.#ssh.listen(path, onStream)
  }

  /** A QEMU monitor command (QMP) on the running VM. */
  monitor(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options?: { signal?: AbortSignal },
  ): Promise<unknown> {
    if (!this.#live) return Promise.reject(notRunning())
    return this.#live.handle.qmp.execute(command, args, options)
  }

  /** Shows (or replaces) one problem of a running machine. Does nothing when it does not run. */
  report(problem: Problem): void {
    if (!this.#live) return
    this.#problems.set(problem.code, problem)
    this.#show()
  }

  clear(code: Problem['code']): void {
    if (this.#problems.delete(code)) this.#show()
  }

  /**
   * Checks connection, engine and clock at once instead of at the next tick: the host woke up, or a call to the engine
   * failed in a way that makes one doubt it.
   */
  resumed(): void {
    this.#live?.supervisor.check()
  }

  /** Removes the data disk: every image, container and volume. The machine must be stopped ('conflict'). */
  async removeData(): Promise<void> {
    const idle = this.state.state === 'stopped' || this.state.state === 'failed'
    if (!idle || this.#starting)
      throw new EngineError('conflict', 'the machine must be stopped before it is reset')
    const handle = await this.#find()
    if (handle) {
      await handle.detach()
      throw new EngineError('conflict', 'the machine must be stopped before it is reset')
    }
    await this.#options.driver.remove({ path: this.#paths.dataDisk })
  }

  /** Lets go: no VM is stopped, nothing is left open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#starting?.cancel.abort()
    await this.#starting?.done.catch(() => undefined)
    await this.#stopping?.catch(() => undefined)
    await this.#burying
    const live = this.#live
    this.#live = undefined
    await this.#release(live)
    await live?.handle.detach()
    await this.#home[Symbol.asyncDispose]()
  }

  #find(): Promise<VmHandle | undefined> {
    return this.#home.find(() => this.#live !== undefined)
  }

  async #adoptOrBoot(boot: Boot): Promise<Booted> {
    const handle = await this.#find()
    return handle ? boot.adopt(handle) : boot.fresh()
  }

  #begin(run: (boot: Boot) => Promise<Booted>): Starting {
    const cancel = new AbortController()
    this.#problems.clear()
    this.#cell.set({ state: 'starting', step: 'prepare', since: Date.now() })
    const done = this.#run(run, cancel.signal).finally(() => {
      this.#starting = undefined
    })
    done.catch(() => undefined)
    this.#starting = { done, cancel }
    return this.#starting
  }

  /** One start; one whose guest's kernel panics is made once more, unless it was cancelled. */
  async #run(run: (boot: Boot) => Promise<Booted>, signal: AbortSignal): Promise<void> {
    let [attempt, note]: [typeof run, string?] = [run]
    for (;;) {
      const boot = new Boot(await this.#context(signal, note))
      try {
        return await this.#open(await attempt(boot), signal)
      } catch (error) {
        const serialTail = await this.#takeDown(boot)
        const wanted = !signal.aborted && !this.#disposed && !this.#stopping
        if (note !== undefined || !wanted || !this.#recovery.allows(endOf(error))) {
          this.#startFailed(boot, error, serialTail, signal)
          throw error
        }
        this.#options.log('machine: died, starting again', { step: boot.step, serialTail })
        await this.#home.forgetMemory()
        attempt = (next) => next.fresh()
        note = `once more: ${messageOf(error)}`
      }
    }
  }

  /** `note`: what every step of this start says that has nothing to say itself. */
  async #context(signal: AbortSignal, note: string | undefined): Promise<BootContext> {
    const file = await this.#home.take()
    return {
      options: this.#options,
      timeouts: this.#timeouts,
      paths: this.#paths,
      file,
      signal,
      enter: (step, detail) => this.#enter(step, detail ?? note),
      onConnection: (connected) => this.#live?.supervisor.onConnection(connected),
      onDialable: (ssh) => {
        this.#ssh = ssh
      },
    }
  }

  #enter(step: StartStep, detail?: string): void {
    if (this.state.state !== 'starting') return
    this.#options.log('machine: starting', detail === undefined ? { step } : { step, detail })
    this.#cell.set({
      state: 'starting',
      step,
      since: Date.now(),
      ...(detail === undefined ? {} : { detail }),
    })
  }

  /** From "the engine answered" to "running": the ports hook may take its time, but it cannot withhold it. */
  async #open(booted: Booted, signal: AbortSignal): Promise<void> {
    const { ssh, handle, facts } = booted
    const supervisor = new Supervisor({
      options: this.#options,
      timeouts: this.#timeouts,
      ssh,
      report: (problem) => this.report(problem),
      clear: (code) => this.clear(code),
    })
    const live: Live = { ...booted, supervisor }
    this.#live = live
    void handle.exited.then((exit) => this.#died(live, exit))
    this.#enter('ports')
    const death = handle.exited.then((exit) => {
      throw deathOf(exit)
    })
    death.catch(() => undefined)
    // `ready` has its own deadline and never fails: what it cannot do is a problem of a running machine.
    const ms = this.#timeouts.ports * 2
    await within({ ms, what: 'the published ports', signal, death }, () => supervisor.ready())
    this.#cell.set({ state: 'running', ...facts })
    this.#show()
    supervisor.check()
  }

  /** Undoes a start that failed; the last lines of its console. */
  async #takeDown(boot: Boot): Promise<string> {
    const serialTail = await logTail(this.#paths.serialLog)
    const live = this.#live
    this.#live = undefined
    await this.#release(live)
    await boot.abandon({ keepVm: this.#disposed })
    if (!this.#disposed) await this.#home.forgetVm()
    return serialTail
  }

  #startFailed(boot: Boot, error: unknown, serialTail: string, signal: AbortSignal): void {
    if (signal.aborted || this.state.state !== 'starting') return
    this.#options.log('machine: failed to start', { step: boot.step, error: messageOf(error) })
    const said = saidBy(error)
    const hint = error instanceof EngineError ? error.hint : undefined
    this.#cell.set({
      state: 'failed',
      error: messageOf(error),
      step: boot.step,
      hint: hint ?? say(RETRY),
      said: hint === undefined ? { ...said, hint: RETRY } : said,
      ...(serialTail === '' ? {} : { serialTail }),
    })
  }

  async #died(live: Live, exit: Exit): Promise<void> {
    // A start that is under way sees it itself, and so does a stop; one that has just succeeded does not.
    await this.#starting?.done.catch(() => undefined)
    if (this.#live !== live || this.#stopping) return
    this.#live = undefined
    this.#burying = this.#bury(live, exit).finally(() => {
      this.#burying = undefined
    })
  }

  /** Shows that a machine died, and starts it again where that is allowed. */
  async #bury(live: Live, exit: Exit): Promise<void> {
    const serialTail = await logTail(this.#paths.serialLog)
    try {
      await this.#release(live)
      await this.#home.forgetVm()
    } catch (error) {
      this.#options.log('machine: after a death', { error: messageOf(error) })
    }
    // Meanwhile somebody may have asked for its end, or let go of it.
    const again = !this.#disposed && !this.#stopping && this.#recovery.allows(exit)
    this.#options.log(again ? 'machine: died, starting again' : 'machine: died', { ...exit, serialTail })
    const hint: Saying = { code: again ? 'restarting' : 'start_again' }
    this.#cell.set({
      state: 'failed',
      error: describeExit(exit),
      hint: say(hint),
      said: { message: sayingOf(exit), hint },
      ...(serialTail === '' ? {} : { serialTail }),
    })
    if (again) await this.#home.forgetMemory()
    if (again) this.#begin((boot) => this.#adoptOrBoot(boot))
  }

  async #stop(): Promise<void> {
    if (this.#burying) await this.#burying
    const starting = this.#starting
    if (starting) {
      starting.cancel.abort()
      this.#cell.set({ state: 'stopping' })
      await starting.done.catch(() => undefined)
    } else if (!this.#live) {
      // Another process may have left one running.
      await this.attach().catch((error: unknown) =>
        this.#options.log('machine: nothing to stop', { error: messageOf(error) }),
      )
    }
    const live = this.#live
    if (live) {
      if (this.state.state !== 'stopping') this.#cell.set({ state: 'stopping' })
      this.#live = undefined
      await live.supervisor[Symbol.asyncDispose]()
      await powerOff({ ...live, options: this.#options, deadline: this.#timeouts.shutdown })
      await this.#release(live)
      await this.#home.forgetVm()
    }
    if (this.state.state !== 'stopped') this.#cell.set({ state: 'stopped' })
  }

  /** Closes what is ours of a VM, without touching the VM. */
  async #release(live: Live | undefined): Promise<void> {
    this.#ssh = undefined
    this.#problems.clear()
    await live?.supervisor[Symbol.asyncDispose]()
    await live?.ssh[Symbol.asyncDispose]()
  }

  /** Running or degraded, by what is known to be wrong. */
  #show(): void {
    const { state } = this.state
    if (!this.#live || (state !== 'running' && state !== 'degraded')) return
    const { facts } = this.#live
    const problems = [...this.#problems.values()]
    if (problems.length > 0) this.#cell.set({ state: 'degraded', problems, ...facts })
    else if (state === 'degraded') this.#cell.set({ state: 'running', ...facts })
  }
}

function notRunning(): EngineError {
  return saidError('unavailable', { code: 'vm_stopped' })
}
