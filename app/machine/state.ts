/**
 * The machine's one state machine; window, tray and CLI show it and nothing else. Legal transitions are in
 * `TRANSITIONS`; there is one writer (`Machine`).
 */

import type { Said } from '../sayings.ts'

/** The named steps of starting, in order. Each has a deadline and is raced against the VM's death. */
export const START_STEPS = ['prepare', 'launch', 'kernel', 'disk', 'connect', 'engine', 'ports'] as const
export type StartStep = (typeof START_STEPS)[number]

/** What runs the guest's instructions. `tcg` is software emulation: correct, and many times slower. */
export type Accelerator = 'hvf' | 'whpx' | 'kvm' | 'tcg'

/** Something is wrong although the machine runs; `code` is stable for translation, `message` is English detail. */
export interface Problem {
  code: 'engine_unreachable' | 'connection_lost' | 'disk_full' | 'port_failed' | 'clock_skew'
  message: string
}

export interface RunningFacts {
  accelerator: Accelerator
  /** Why not hardware acceleration, when tcg was not the first choice. */
  acceleratorNote?: string
  pid: number
  /** Milliseconds since the epoch. */
  startedAt: number
}

export type MachineState =
  | { state: 'stopped' }
  | {
      state: 'starting'
      step: StartStep
      detail?: string /** 0–1 within the step, when known. */
      progress?: number
      since: number
    }
  | ({ state: 'running' } & RunningFacts)
  | ({ state: 'degraded'; problems: Problem[] } & RunningFacts)
  | { state: 'stopping' }
  | {
      state: 'failed'
      error: string
      hint?: string
      /** Both for a window that speaks another language. */
      said?: Said
      step?: StartStep /** Last lines of the serial log. */
      serialTail?: string
    }

export type MachineStateName = MachineState['state']

export const TRANSITIONS: Readonly<Record<MachineStateName, readonly MachineStateName[]>> = {
  stopped: ['starting'],
  starting: ['starting', 'running', 'stopping', 'failed'],
  running: ['degraded', 'stopping', 'failed'],
  degraded: ['running', 'degraded', 'stopping', 'failed'],
  stopping: ['stopped', 'failed'],
  failed: ['starting', 'stopped'],
}
