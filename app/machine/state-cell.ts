import { type MachineState, TRANSITIONS } from './state.ts'

/** The state's one place: enforces the transition table and tells every subscriber, in order, each state once. */
export class StateCell {
  #state: MachineState = { state: 'stopped' }
  readonly #listeners = new Set<(state: MachineState) => void>()
  readonly #log: (message: string, details?: Readonly<Record<string, unknown>>) => void

  constructor(log: (message: string, details?: Readonly<Record<string, unknown>>) => void) {
    this.#log = log
  }

  get state(): MachineState {
    return this.#state
  }

  /** Throws RangeError for a transition that TRANSITIONS does not know: a defect of the writer. */
  set(next: MachineState): void {
    if (!TRANSITIONS[this.#state.state].includes(next.state)) {
      throw new RangeError(`machine state: ${this.#state.state} cannot become ${next.state}`)
    }
    this.#state = Object.freeze(next)
    for (const listener of [...this.#listeners]) this.#tell(listener)
  }

  subscribe(listener: (state: MachineState) => void): () => void {
    this.#listeners.add(listener)
    this.#tell(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #tell(listener: (state: MachineState) => void): void {
    try {
      listener(this.#state)
    } catch (error) {
      this.#log('machine: a state listener failed', { error: String(error) })
    }
  }
}
