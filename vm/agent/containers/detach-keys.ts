/** The key sequence that leaves an attached terminal while the container goes on. Pure. */
import { EngineError } from '../../api/errors.ts'

const DEFAULT = [16, 17]
const SPECIAL: Record<string, number> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 }

/** `ctrl-p,ctrl-q`, `ctrl-a,a`, …; empty: the default. invalid_argument in Docker's words. */
export function parseDetachKeys(text: string | null | undefined): number[] {
  if (!text) return DEFAULT
  return text.split(',').map((key) => {
    if (key.length === 1) return key.charCodeAt(0)
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key.toLowerCase())?.[1]
    if (control === undefined) {
      throw new EngineError('invalid_argument', `Invalid detach keys (${text}) provided`)
    }
    return SPECIAL[control] ?? control.charCodeAt(0) - 96
  })
}

/** Watches input for the sequence; keys that turn out not to be it are passed on, in order. */
export class DetachScanner {
  readonly #keys: readonly number[]
  #matched = 0

  constructor(keys: readonly number[]) {
    this.#keys = keys
  }

  /** What to pass on of this chunk, and whether the sequence ended in it (nothing after it is passed on). */
  push(chunk: Uint8Array): { pass: Buffer; detached: boolean } {
    const pass: number[] = []
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++
        if (this.#matched === this.#keys.length) return { pass: Buffer.from(pass), detached: true }
        continue
      }
      pass.push(...this.#keys.slice(0, this.#matched))
      this.#matched = byte === this.#keys[0] ? 1 : 0
      if (this.#matched === 0) pass.push(byte)
    }
    return { pass: Buffer.from(pass), detached: false }
  }
}
