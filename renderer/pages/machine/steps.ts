import { type MachineState, START_STEPS } from '../../../app/machine/state.ts'

/** 0–1 over all the steps of starting; a step without its own progress counts as just begun. */
export function stepProgress(machine: Extract<MachineState, { state: 'starting' }>): number {
  return (START_STEPS.indexOf(machine.step) + Math.max(0.35, machine.progress ?? 0)) / START_STEPS.length
}
