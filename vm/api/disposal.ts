/** What one cleanup does; may be asynchronous. */
export type Cleanup = () => unknown

/**
 * Undo list of a multi-step creation, and the owner of long-lived resources. Push the undo on the line after each
 * step; `release()` on success forgets them; `[Symbol.asyncDispose]` runs them in reverse order, all of them even when
 * some fail, and throws what failed (an AggregateError when several did).
 */
export class Disposal implements AsyncDisposable {
  readonly #cleanups: Cleanup[] = []

  /** Registers a cleanup; the last one registered runs first. */
  push(cleanup: Cleanup): void {
    this.#cleanups.push(cleanup)
  }

  /** Registers a disposable and hands it back, so that acquiring and registering is one line. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.push(() =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
    )
    return resource
  }

  /** Success: forget every cleanup. */
  release(): void {
    this.#cleanups.length = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = []
    for (let cleanup = this.#cleanups.pop(); cleanup; cleanup = this.#cleanups.pop()) {
      try {
        await cleanup()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, 'several cleanups failed')
  }
}
