import { useSyncExternalStore } from 'react'

/**
 * The one external store: an immutable value, changed through `set`, announced at most once per frame. A hidden
 * window gets no animation frames, so there a timer announces.
 */
export class Store<S> {
  #state: S
  #scheduled = false
  readonly #listeners = new Set<() => void>()
  readonly #schedule: (announce: () => void) => void

  constructor(initial: S, schedule: (announce: () => void) => void = nextFrame) {
    this.#state = initial
    this.#schedule = schedule
  }

  get = (): S => this.#state

  /** Replaces the state; the same reference announces nothing. */
  set(change: (state: S) => S): void {
    const next = change(this.#state)
    if (Object.is(next, this.#state)) return
    this.#state = next
    if (this.#scheduled) return
    this.#scheduled = true
    this.#schedule(() => {
      this.#scheduled = false
      for (const listener of [...this.#listeners]) listener()
    })
  }

  /** Merges into an object state. */
  patch(part: Partial<S>): void {
    this.set((state) => ({ ...state, ...part }))
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

export function nextFrame(announce: () => void): void {
  if (typeof document === 'undefined' || document.hidden) setTimeout(announce, 16)
  else requestAnimationFrame(announce)
}

/** Reads a slice; the selector must return something that is stable while the state is. */
export function useStore<S, T>(store: Store<S>, select: (state: S) => T): T {
  return useSyncExternalStore(store.subscribe, () => select(store.get()))
}
