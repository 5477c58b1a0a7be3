/** Holds callers back until what they need is there, or passes on why it never will be. */
export class Gate {
  readonly passed: Promise<void>
  #open: () => void = () => undefined
  #fail: (error: unknown) => void = () => undefined

  constructor() {
    this.passed = new Promise((resolve, reject) => {
      this.#open = resolve
      this.#fail = reject
    })
    // Nobody may be waiting when it fails; those who come later hear of it.
    this.passed.catch(() => undefined)
  }

  open(): void {
    this.#open()
  }

  fail(error: unknown): void {
    this.#fail(error)
  }
}
