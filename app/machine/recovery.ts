import type { Exit } from './driver.ts'
import { isPanic } from './exit.ts'

const MOST = 3
const SPAN_MS = 10 * 60_000

/**
 * Decides whether a machine that died, running or starting, is started again by itself: after a panic of the guest's
 * kernel, at most three times in ten minutes. A machine that was killed or ended by QEMU is left to who did it or has to
 * mend it.
 */
export class Recovery {
  #restarts: number[] = []

  /** True when it may be started again at `now` (milliseconds); that start is counted. */
  allows(exit: Pick<Exit, 'reason'>, now: number = Date.now()): boolean {
    if (!isPanic(exit)) return false
    this.#restarts = this.#restarts.filter((at) => at > now - SPAN_MS)
    if (this.#restarts.length >= MOST) return false
    this.#restarts.push(now)
    return true
  }
}
