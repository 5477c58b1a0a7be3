import { EngineError } from '../../vm/api/errors.ts'
import { type Saying, saidError, say } from '../sayings.ts'
import type { Exit } from './driver.ts'

/** How a VM ended, for people: one line, with the hypervisor's last words when it had any. */
export function describeExit(exit: Exit): string {
  return say(sayingOf(exit))
}

/** The same as a window says it in its own language. */
export function sayingOf({ code, signal, reason, stderr }: Exit): Saying {
  const last = stderr.trimEnd().split('\n').at(-1)?.trim()
  return { ...cause(code, signal, reason), ...(last && { detail: last }) }
}

function cause(code: number | null, signal: string | null, reason = ''): Saying {
  if (signal === 'SIGKILL') return { code: 'vm_killed' }
  if (signal) return { code: 'vm_signal', values: { signal } }
  if (reason === 'guest-shutdown') return { code: 'vm_off' }
  if (isPanic({ reason })) return { code: 'vm_panic' }
  if (code !== null && code !== 0) return { code: 'vm_exit', values: { code } }
  return { code: 'vm_ended' }
}

/** Whether the guest's kernel gave up: it says so itself, or restarts, which QEMU takes for the end. */
export function isPanic({ reason }: Pick<Exit, 'reason'>): boolean {
  return reason === 'guest-panic' || reason === 'guest-reset'
}

/** What those get who wait for something of a VM that ended; `endOf` reads out of it how. */
export function deathOf(exit: Exit): EngineError {
  const details = exit.reason === undefined ? {} : { reason: exit.reason }
  return saidError('vm_failed', sayingOf(exit), { details })
}

/** How the VM ended that an error tells of. */
export function endOf(error: unknown): Pick<Exit, 'reason'> {
  const reason = error instanceof EngineError ? error.details?.['reason'] : undefined
  return typeof reason === 'string' ? { reason } : {}
}
