/**
 * Puts right what something else in the VM changed under the engine's networks: a privileged container with its own
 * packet filter, a shell of the user's. Without it published ports and names would stop until the engine starts anew.
 */
import { messageOf } from '../../api/errors.ts'

const EVERY_MS = 15_000

export interface GuardOptions {
  /** Whether there is anything to guard. */
  inUse(): boolean
  /** Whether the packet filter is still as the engine left it. */
  isIntact(): boolean
  /** Loads the packet filter anew. */
  reload(): Promise<void>
  /** Sets bridges and kernel settings as they should be; costs next to nothing where they are. */
  settle(): void
  log(message: string): void
}

export class Guard implements Disposable {
  readonly #options: GuardOptions
  #timer: NodeJS.Timeout | undefined

  constructor(options: GuardOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.look(), EVERY_MS).unref()
  }

  async look(): Promise<void> {
    const { inUse, settle, log } = this.#options
    if (!inUse()) return
    try {
      settle()
      await this.mend()
    } catch (error) {
      log(`looking after the networks: ${messageOf(error)}`)
    }
  }

  /** Before rules are changed: costs one question to the kernel where they are in order. */
  async mend(): Promise<void> {
    const { isIntact, reload, log } = this.#options
    if (isIntact()) return
    await reload()
    log('the packet filter was changed by something else: its rules are loaded again')
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
