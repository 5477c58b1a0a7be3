import type { Machine } from '../machine/machine.ts'
import type { MachineState } from '../machine/state.ts'

export function isRunning(state: MachineState): boolean {
  return state.state === 'running' || state.state === 'degraded'
}

/** Resolves once the machine runs; rejects when the signal fires. */
export async function untilRunning(machine: Pick<Machine, 'subscribe'>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  let unsubscribe: (() => void) | undefined
  let abort: (() => void) | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      abort = () => reject(signal.reason)
      signal.addEventListener('abort', abort)
      unsubscribe = machine.subscribe((state) => {
        if (isRunning(state)) resolve()
      })
    })
  } finally {
    unsubscribe?.()
    if (abort) signal.removeEventListener('abort', abort)
  }
}
