import type { EventMessage } from '../../vm/api/system.ts'
import type { MachineState } from '../machine/state.ts'
import type { Texts } from './texts.ts'

export interface Note {
  readonly title: string
  readonly body: string
  /** The page that tells more. */
  readonly route: string
}

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
  onState(state: MachineState, texts: Texts): Note | undefined {
    const failed = state.state === 'failed'
    const news = failed && !this.#failed
    this.#failed = failed
    return news && state.state === 'failed'
      ? { title: texts('notify.failed'), body: state.error, route: '/machine' }
      : undefined
  }

  /** A container that died by itself with a failure, or a pull that ended. */
  onEvent(event: EventMessage, texts: Texts): Note | undefined {
    const { ID, Attributes } = event.Actor
    if (event.Type === 'image' && event.Action === 'pull') {
      return { title: 'Slipway', body: texts('notify.pulled', { name: ID }), route: '/images' }
    }
    if (event.Type !== 'container') return undefined
    if (event.Action === 'kill') this.#killed.set(ID, this.#now())
    if (event.Action !== 'die') return undefined
    const killed = this.#killed.get(ID)
    this.#killed.delete(ID)
    const code = Attributes['exitCode'] ?? '0'
    if (code === '0' || (killed !== undefined && this.#now() - killed < ASKED)) return undefined
    const name = Attributes['name'] ?? ID.slice(0, 12)
    return { title: 'Slipway', body: texts('notify.died', { name, code }), route: `/containers/${ID}/logs` }
  }
}
