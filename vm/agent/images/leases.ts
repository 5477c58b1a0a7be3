/**
 * Leases keep what is being made from the garbage collector. Whoever builds something up takes a lease and holds each
 * digest or snapshot name before looking whether it is there; a sweep waits for nobody but lets no one in meanwhile,
 * so nothing is found present and deleted a moment later.
 */
/** Holds every blob: for content whose digest is known only once it is written. */
export const ALL_BLOBS = 'blobs'

export class Leases {
  readonly #held = new Map<string, number>()
  #sweeping: Promise<unknown> = Promise.resolve()

  /** A new, empty lease. */
  take(): Lease {
    return new Lease(this.#held, () => this.#sweeping)
  }

  isHeld(name: string): boolean {
    return this.#held.has(name)
  }

  /** Runs `sweep` alone. It must check `isHeld` for each thing it deletes. */
  async sweep<T>(sweep: () => Promise<T>): Promise<T> {
    const run = this.#sweeping.then(sweep)
    this.#sweeping = run.catch(() => undefined)
    return run
  }
}

export class Lease implements Disposable {
  readonly #held: Map<string, number>
  readonly #sweeping: () => Promise<unknown>
  readonly #names: string[] = []

  constructor(held: Map<string, number>, sweeping: () => Promise<unknown>) {
    this.#held = held
    this.#sweeping = sweeping
  }

  /** From the answer on these are safe, whether they exist yet or not. */
  async hold(...names: string[]): Promise<void> {
    for (const name of names) {
      this.#held.set(name, (this.#held.get(name) ?? 0) + 1)
      this.#names.push(name)
    }
    await this.#sweeping()
  }

  [Symbol.dispose](): void {
    for (const name of this.#names.splice(0)) {
      const count = (this.#held.get(name) ?? 1) - 1
      if (count === 0) this.#held.delete(name)
      else this.#held.set(name, count)
    }
  }
}
