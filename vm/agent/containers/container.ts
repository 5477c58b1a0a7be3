import type { Health } from '../../api/containers.ts'
import type { Task } from '../runtime/runtime.ts'
import { Lock } from './lock.ts'
import type { ContainerRecord } from './record.ts'
import { isRunning, type State, type Transition, transition } from './state.ts'

export interface ExitResult {
  exitCode: number
  error?: string
}

interface Waiter {
  condition: 'exit' | 'removed'
  resolve(result: ExitResult): void
}

/**
 * One container in memory: its record, its task while it runs, and whoever waits for it. Verbs that change it run
 * under `lock`; waiting for an exit happens outside of it, because handling the exit takes the lock.
 */
export class Container {
  readonly lock = new Lock()
  record: ContainerRecord
  task: Task | undefined
  health: Health | undefined
  /** Ids of exec processes made in it, newest last. */
  readonly execs = new Set<string>()
  /** Set by stop and kill, so that the exit that follows does not trigger the restart policy. */
  stopRequested = false
  /** A restart that waits for its back-off. */
  cancelRestart: (() => void) | undefined
  /** Keeps restart's exit from acting on auto-remove. */
  keepOnExit = false
  readonly #waiters = new Set<Waiter>()
  readonly #startWaiters = new Set<(task: Task) => void>()

  constructor(record: ContainerRecord) {
    this.record = record
  }

  get id(): string {
    return this.record.id
  }
  get name(): string {
    return this.record.name
  }
  get state(): State {
    return this.record.state
  }
  get running(): boolean {
    return isRunning(this.record.state)
  }
  get shortId(): string {
    return this.record.id.slice(0, 12)
  }

  /** Replaces parts of the record; the caller saves. */
  change(part: Partial<ContainerRecord>): void {
    this.record = { ...this.record, ...part }
  }

  move(change: Transition): void {
    this.change({ state: transition(this.record.state, change) })
  }

  /** Resolves with the next exit, or with the removal; also when the signal ends the wait, never. */
  next(condition: 'exit' | 'removed', signal?: AbortSignal): Promise<ExitResult> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { condition, resolve: (result) => done(() => resolve(result)) }
      const onAbort = () => done(() => reject(signal?.reason))
      const done = (finish: () => void) => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', onAbort)
        finish()
      }
      if (signal?.aborted) return reject(signal.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
    })
  }

  /** Tells the waiters; removal ends every kind of wait. */
  announce(event: 'exit' | 'removed', result: ExitResult): void {
    for (const waiter of [...this.#waiters]) {
      if (event === 'removed' || waiter.condition === 'exit') waiter.resolve(result)
    }
  }

  /** The task, as soon as there is one; `stop()` gives up waiting. */
  onStart(listener: (task: Task) => void): { stop(): void } {
    if (this.task && this.running) listener(this.task)
    else this.#startWaiters.add(listener)
    return { stop: () => this.#startWaiters.delete(listener) }
  }

  announceStart(task: Task): void {
    const listeners = [...this.#startWaiters]
    this.#startWaiters.clear()
    for (const listener of listeners) listener(task)
  }
}
