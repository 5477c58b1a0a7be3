import type { Duplex } from 'node:stream'
import type { Dial } from './dial.ts'
import type { MachineOptions } from './machine-options.ts'
import type { MachineState, Problem } from './state.ts'

/** A login shell inside the VM with a terminal of its own. Ends when the shell does; `destroy()` hangs up. */
export interface ShellSession extends Duplex {
  resize(size: { rows: number; columns: number }): void
}

/**
 * The one virtual machine of a home: its state machine and everything between "stopped" and "the engine answers".
 * One writer of the state; every reader is a subscriber. The VM outlives this object and its process: `dispose` lets go
 * of it, and the next Machine of the same home takes it over (`start`, or `attach` when it must not be started).
 *
 * One process owns a home at a time: `start` and `attach` fail with `conflict` while another one does.
 */
export declare class Machine implements AsyncDisposable {
  constructor(options: MachineOptions)

  /** The current state; immutable. */
  get state(): MachineState
  /** Calls `listener` with the current state at once, then with every change. Answers the unsubscribe. */
  subscribe(listener: (state: MachineState) => void): () => void

  /**
   * Starts the machine, or takes over the one that runs. Resolves when it is running; a call during a start joins it, on
   * a running machine it does nothing, while stopping it waits and then starts. Rejects with the failure that the state
   * shows ('vm_failed' with a hint), or 'cancelled' when `stop` ended the start. The signal ends this caller's wait only.
   */
  start(options?: { signal?: AbortSignal }): Promise<void>
  /** Takes over the VM of this home when one runs and waits until it is usable; false when none runs. */
  attach(options?: { signal?: AbortSignal }): Promise<boolean>
  /**
   * Stops the machine in order: the guest powers itself off, then QEMU is ended. Ends a start that is under way. Joins a
   * stop that is. Resolves when the VM is gone, whatever its state was.
   */
  stop(options?: { signal?: AbortSignal }): Promise<void>
  restart(options?: { signal?: AbortSignal }): Promise<void>

  /** Streams into the guest; usable from the `engine` step on, 'unavailable' when the machine does not run. */
  readonly dial: Dial
  shell(options: { rows: number; columns: number; signal?: AbortSignal }): Promise<ShellSession>
  /** A QEMU monitor command (QMP) on the running VM. */
  monitor(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options?: { signal?: AbortSignal },
  ): Promise<unknown>

  /** Shows (or replaces) one problem of a running machine. Does nothing when it does not run. */
  report(problem: Problem): void
  clear(code: Problem['code']): void
  /** The host woke up: checks connection and clock at once instead of at the next tick. */
  resumed(): void

  /** Removes the data disk: every image, container and volume. The machine must be stopped ('conflict'). */
  removeData(): Promise<void>
  /** Lets go: no VM is stopped, nothing is left open. */
  [Symbol.asyncDispose](): Promise<void>
}
