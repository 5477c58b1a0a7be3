/**
 * Requests are answered side by side, in the order in which they are ready, but none may be overtaken by what came after
 * it where that shows. sshfs does not wait for its writes and closes, and sends the look at a file right behind the
 * request that opens it; everything else it sends only when the one before is answered.
 */
export class RequestOrder {
  /** Writes and other changes by handle, the newest. */
  readonly #changes = new Map<number, Promise<unknown>>()
  /** Opens by path, the newest. */
  readonly #opens = new Map<string, Promise<unknown>>()

  /** A change through a handle: in the order in which they came. */
  change<T>(handle: number, run: () => Promise<T>): Promise<T> {
    return chained(this.#changes, handle, run)
  }

  open<T>(path: string, run: () => Promise<T>): Promise<T> {
    return chained(this.#opens, path, () => this.after(run))
  }

  /** What sees the file of a handle: after the changes through it. */
  afterChanges<T>(handle: number, run: () => Promise<T>): Promise<T> {
    const change = this.#changes.get(handle)
    return change ? change.then(run, run) : run()
  }

  /** What sees files by their paths: after every change that has come, and after those that open these paths. */
  after<T>(run: () => Promise<T>, ...paths: string[]): Promise<T> {
    const opens = paths.map((path) => this.#opens.get(path)).filter((open) => open !== undefined)
    const waits = [...this.#changes.values(), ...opens]
    return waits.length === 0 ? run() : Promise.allSettled(waits).then(run)
  }
}

function chained<K, T>(tails: Map<K, Promise<unknown>>, key: K, run: () => Promise<T>): Promise<T> {
  const before = tails.get(key)
  const now = before ? before.then(run, run) : run()
  tails.set(key, now)
  const over = () => {
    if (tails.get(key) === now) tails.delete(key)
  }
  now.then(over, over)
  return now
}
