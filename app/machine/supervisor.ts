import { EngineError, messageOf } from '../../vm/api/errors.ts'
import { within } from './deadline.ts'
import type { MachineOptions, MachineTimeouts } from './machine-options.ts'
import type { Ssh } from './ssh.ts'
import type { Problem } from './state.ts'

export interface SupervisorOptions {
  readonly options: MachineOptions
  readonly timeouts: MachineTimeouts
  readonly ssh: Ssh
  readonly report: (problem: Problem) => void
  readonly clear: (code: Problem['code']) => void
}

/** What an engine that answers within a second may need when the host is very busy. */
const PING_MS = 20_000
const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 15_000
/** Above this the guest's clock is wrong; the engine steps it at 500 ms. */
const SKEW_MS = 2_000

/**
 * Watches over a running machine: says when connection or engine are gone and when they are back, restores what hangs on
 * them (`onReady`), and keeps the guest's clock right. Does nothing between its ticks.
 */
export class Supervisor implements AsyncDisposable {
  readonly #with: SupervisorOptions
  readonly #stop = new AbortController()
  readonly #tick: NodeJS.Timeout
  #retry: NodeJS.Timeout | undefined
  #pause = FIRST_RETRY_MS
  #checking: Promise<void> | undefined
  #checkAgain = false
  /** True while what hangs on the engine may be gone. */
  #stale = false
  #reported: Problem['code'][] = []
  #lastTick = Date.now()

  constructor(options: SupervisorOptions) {
    this.#with = options
    this.#tick = setInterval(() => this.#onTick(), options.timeouts.tick)
    this.#tick.unref()
  }

  /** The control connection came back or was lost. */
  onConnection(connected: boolean): void {
    if (this.#stop.signal.aborted) return
    this.#stale = true
    if (connected) {
      this.#with.clear('connection_lost')
      this.check()
    } else {
      this.#with.report({
        code: 'connection_lost',
        message: 'the connection to the virtual machine was lost',
      })
    }
  }

  /** Looks at connection, engine and clock now. */
  check(): void {
    if (this.#stop.signal.aborted) return
    this.#checkAgain = true
    this.#checking ??= this.#loop().finally(() => {
      this.#checking = undefined
    })
  }

  /** The `ports` step: runs the hook and shows what it says is wrong. */
  async ready(): Promise<void> {
    const { options, timeouts, ssh, report, clear } = this.#with
    let problems: readonly Problem[] = []
    try {
      problems = await within(
        { ms: timeouts.ports, what: 'the published ports', signal: this.#stop.signal },
        async (running) => (await options.onReady?.(ssh.dial, running)) ?? [],
      )
    } catch (error) {
      if (this.#stop.signal.aborted) return
      problems = [{ code: 'port_failed', message: messageOf(error) }]
    }
    this.#stale = false
    for (const code of this.#reported) clear(code)
    this.#reported = problems.map(({ code }) => code)
    for (const problem of problems) report(problem)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    clearInterval(this.#tick)
    clearTimeout(this.#retry)
    await this.#checking
  }

  #onTick(): void {
    // A timer that fires much too late means that the host slept: its connections may be dead and not know it.
    const slept = Date.now() - this.#lastTick > this.#with.timeouts.tick * 2
    this.#lastTick = Date.now()
    if (slept) this.#with.options.log('machine: the host slept')
    this.check()
  }

  async #loop(): Promise<void> {
    while (this.#checkAgain && !this.#stop.signal.aborted) {
      this.#checkAgain = false
      // Without a connection there is nothing to ask; its return checks again.
      if (!this.#with.ssh.connected) return
      if (await this.#engineAnswers()) {
        if (this.#stale) await this.ready()
        await this.#setClock()
      }
    }
  }

  async #engineAnswers(): Promise<boolean> {
    const { options, ssh, report, clear } = this.#with
    clearTimeout(this.#retry)
    try {
      await within({ ms: PING_MS, what: "the engine's answer", signal: this.#stop.signal }, (running) =>
        options.ping(ssh.dial, running),
      )
      clear('engine_unreachable')
      this.#pause = FIRST_RETRY_MS
      return true
    } catch (error) {
      if (this.#stop.signal.aborted) return false
      this.#stale = true
      report({ code: 'engine_unreachable', message: messageOf(error) })
      if (isTimeout(error)) ssh.reconnect()
      this.#retry = setTimeout(() => this.check(), this.#pause)
      this.#retry.unref()
      this.#pause = Math.min(LAST_RETRY_MS, this.#pause * 2)
      return false
    }
  }

  async #setClock(): Promise<void> {
    const { options, timeouts, ssh, report, clear } = this.#with
    const { clock } = options
    if (!clock) return
    try {
      const { offset, stepped } = await within(
        { ms: timeouts.clock, what: 'the answer about the clock', signal: this.#stop.signal },
        (running) => clock(ssh.dial, Date.now(), running),
      )
      if (stepped) options.log('machine: clock stepped', { offset })
      if (stepped || Math.abs(offset) < SKEW_MS) clear('clock_skew')
      else report({ code: 'clock_skew', message: `the guest's clock is off by ${Math.round(offset)} ms` })
    } catch (error) {
      if (!this.#stop.signal.aborted) options.log('machine: clock not checked', { error: messageOf(error) })
    }
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof EngineError && error.details?.['timeout'] !== undefined
}
