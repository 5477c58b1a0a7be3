/** When a container that ended starts again. Pure. */
import type { RestartPolicy } from '../../api/containers.ts'

const FIRST_DELAY = 100
const MAX_DELAY = 60_000
/** A run of this many milliseconds counts as healthy: the back-off begins anew. */
const GOOD_RUN = 10_000

/** Whether the policy restarts after an exit that nobody asked for. */
export function shouldRestart(
  policy: RestartPolicy | undefined,
  exitCode: number,
  restarts: number,
): boolean {
  switch (policy?.Name) {
    case 'always':
    case 'unless-stopped':
      return true
    case 'on-failure':
      return exitCode !== 0 && (!policy.MaximumRetryCount || restarts < policy.MaximumRetryCount)
    default:
      return false
  }
}

/**
 * Whether the policy starts it when the engine starts after a boot of the machine, however that had ended: a container
 * that was stopped together with the machine comes back, one that the user stopped only with `always`.
 */
export function startsAtBoot(
  policy: RestartPolicy | undefined,
  last: { startedBefore: boolean; stoppedByHand: boolean; exitCode: number; restarts: number },
): boolean {
  if (!last.startedBefore) return false
  if (policy?.Name === 'always') return true
  return !last.stoppedByHand && shouldRestart(policy, last.exitCode, last.restarts)
}

/** Doubles from 100 ms to a minute, per container. */
export class BackOff {
  #delay = 0

  /** Milliseconds to wait after a run that lasted `ran` milliseconds. */
  next(ran: number): number {
    this.#delay = ran >= GOOD_RUN || this.#delay === 0 ? FIRST_DELAY : Math.min(this.#delay * 2, MAX_DELAY)
    return this.#delay
  }
}
