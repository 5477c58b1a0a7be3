import type { EventMessage } from '../vm/api/system.ts'
import type { MachineState } from './machine/state.ts'
import type { Said } from './sayings.ts'

/** What is worth telling somebody who looks elsewhere. */
export type News =
  | { readonly kind: 'died'; readonly id: string; readonly name: string; readonly code: string }
  | { readonly kind: 'pulled'; readonly name: string }
  | { readonly kind: 'failed'; readonly error: string; readonly said?: Said }

/** A stop that somebody asked for is no news, for this long (ms). */
const ASKED = 15_000

/** Decides what is worth interrupting somebody for. Pure but for the clock that it is given. */
export class NewsDesk {
  readonly #now: () => number
  readonly #killed = new Map<string, number>()
  #failed = false

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** The engine failed: once per failure. */
  onState(state: MachineState): News | undefined {
    const failed = state.state === 'failed'
    const news = failed && !this.#failed
    this.#failed = failed
    if (!news || state.state !== 'failed') return undefined
    return { kind: 'failed', error: state.error, ...(state.said && { said: state.said }) }
  }

  /** A container that died by itself with a failure, or a pull that ended. */
  onEvent({ Type, Action, Actor: { ID, Attributes } }: EventMessage): News | undefined {
    if (Type === 'image' && Action === 'pull') return { kind: 'pulled', name: ID }
    if (Type !== 'container') return undefined
    if (Action === 'kill') this.#killed.set(ID, this.#now())
    if (Action !== 'die') return undefined
    const killed = this.#killed.get(ID)
    this.#killed.delete(ID)
    const code = Attributes['exitCode'] ?? '0'
    if (code === '0' || (killed !== undefined && this.#now() - killed < ASKED)) return undefined
    return { kind: 'died', id: ID, name: Attributes['name'] ?? ID.slice(0, 12), code }
  }
}
