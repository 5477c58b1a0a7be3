import { EngineError } from '../../vm/api/errors.ts'
import type { Exit } from './driver.ts'

/** How a VM ended, for people: one line, with the hypervisor's last words when it had any. */
export function describeExit({ code, signal, reason, stderr }: Exit): string {
  const last = stderr.trimEnd().split('\n').at(-1)?.trim()
  return `${cause({ code, signal, reason: reason ?? '' })}${last ? `: ${last}` : ''}`
}

function cause({
  code,
  signal,
  reason,
}: {
  code: number | null
  signal: string | null
  reason: string
}): string {
  if (signal === 'SIGKILL') return 'the virtual machine was killed (SIGKILL), by hand or for want of memory'
  if (signal) return `the virtual machine was ended by ${signal}`
  if (reason === 'guest-shutdown') return 'the guest powered itself off'
  if (isPanic({ reason })) return "the guest's kernel panicked"
  if (code !== null && code !== 0) return `QEMU ended with exit code ${code}`
  return 'the virtual machine ended unexpectedly'
}

/** Whether the guest's kernel gave up: it says so itself, or restarts, which QEMU takes for the end. */
export function isPanic({ reason }: Pick<Exit, 'reason'>): boolean {
  return reason === 'guest-panic' || reason === 'guest-reset'
}

/** What those get who wait for something of a VM that ended; `endOf` reads out of it how. */
export function deathOf(exit: Exit): EngineError {
  const details = exit.reason === undefined ? {} : { reason: exit.reason }
  return new EngineError('vm_failed', describeExit(exit), { details })
}

/** How the VM ended that an error tells of. */
export function endOf(error: unknown): Pick<Exit, 'reason'> {
  const reason = error instanceof EngineError ? error.details?.['reason'] : undefined
  return typeof reason === 'string' ? { reason } : {}
}
