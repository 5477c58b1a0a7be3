import { useEffect, useSyncExternalStore } from 'react'
import { nextFrame } from './store.ts'

/** What a page shows of something fetched: an error keeps the last data but is never shown as an empty list. */
export type Resource<T> =
  | { readonly status: 'loading' }
  | { readonly status: 'ready'; readonly data: T }
  | { readonly status: 'error'; readonly error: Error; readonly data?: T }

type Fetch<T> = (signal: AbortSignal) => Promise<T>

interface Entry {
  state: Resource<unknown>
  fetch: Fetch<unknown>
  tags: readonly string[]
  users: number
  dirty: boolean
  running: AbortController | undefined
  readonly listeners: Set<() => void>
}

const LOADING: Resource<never> = { status: 'loading' }

/**
 * Fetched things by key. An event invalidates a tag; what is on screen is fetched again (one request under way and at
 * most one after it, however many events come), what is not on screen when it is next looked at.
 */
export class Resources {
  readonly #entries = new Map<string, Entry>()
  readonly #schedule: (run: () => void) => void
  #online = false

  constructor(schedule: (run: () => void) => void = nextFrame) {
    this.#schedule = schedule
  }

  /** Nothing is fetched while the engine is away; coming back fetches what is on screen again. */
  setOnline(online: boolean): void {
    if (online === this.#online) return
    this.#online = online
    if (online) this.invalidateAll()
    else for (const entry of this.#entries.values()) entry.running?.abort()
  }

  invalidate(...tags: readonly string[]): void {
    for (const entry of this.#entries.values()) {
      if (entry.tags.some((tag) => tags.includes(tag))) this.#mark(entry)
    }
  }

  invalidateAll(): void {
    for (const entry of this.#entries.values()) this.#mark(entry)
  }

  state<T>(key: string): Resource<T> {
    return (this.#entries.get(key)?.state ?? LOADING) as Resource<T>
  }

  subscribe(key: string, listener: () => void): () => void {
    const entry = this.#entry(key)
    entry.listeners.add(listener)
    return () => entry.listeners.delete(listener)
  }

  /** Says that `key` is on screen until the returned function is called. */
  use<T>(key: string, tags: readonly string[], fetch: Fetch<T>): () => void {
    const entry = this.#entry(key)
    entry.tags = tags
    entry.fetch = fetch
    entry.users++
    if (entry.dirty) this.#run(entry)
    return () => {
      entry.users--
    }
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key)
    if (!entry) {
      entry = {
        state: LOADING,
        fetch: () => Promise.reject(new Error(`resource ${key}: no fetch`)),
        tags: [],
        users: 0,
        dirty: true,
        running: undefined,
        listeners: new Set(),
      }
      this.#entries.set(key, entry)
    }
    return entry
  }

  #mark(entry: Entry): void {
    entry.dirty = true
    if (entry.users > 0 && !entry.running) this.#schedule(() => this.#run(entry))
  }

  #run(entry: Entry): void {
    if (!this.#online || entry.running || !entry.dirty) return
    const running = new AbortController()
    entry.running = running
    entry.dirty = false
    entry
      .fetch(running.signal)
      .then(
        (data) => ({ status: 'ready', data }) as const,
        (error: unknown) => failed(entry.state, error),
      )
      .then((state) => this.#settle(entry, running, state))
      .catch(unexpected)
  }

  #settle(entry: Entry, running: AbortController, state: Resource<unknown>): void {
    entry.running = undefined
    if (running.signal.aborted) entry.dirty = true
    else {
      entry.state = state
      for (const listener of [...entry.listeners]) listener()
    }
    if (entry.dirty && entry.users > 0) this.#schedule(() => this.#run(entry))
  }
}

/** A defect in a listener: thrown where the window's error handler sees it. */
function unexpected(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

function failed(before: Resource<unknown>, error: unknown): Resource<unknown> {
  const reason = error instanceof Error ? error : new Error(String(error))
  return 'data' in before && before.data !== undefined
    ? { status: 'error', error: reason, data: before.data }
    : { status: 'error', error: reason }
}

export const resources = new Resources()

/** Fetches while mounted and follows invalidation. `fetch` is read when `key` changes; put its inputs into `key`. */
export function useResource<T>(key: string, tags: readonly string[], fetch: Fetch<T>): Resource<T> {
  const state = useSyncExternalStore(
    (listener) => resources.subscribe(key, listener),
    () => resources.state<T>(key),
  )
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key names the inputs of fetch and tags
  useEffect(() => resources.use(key, tags, fetch), [key])
  return state
}
