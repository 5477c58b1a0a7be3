/** Splits a byte stream into lines of UTF-8 text; a line longer than `limit` characters throws RangeError. */
export class LineDecoder {
  readonly #decoder = new TextDecoder()
  readonly #limit: number
  #rest = ''

  constructor(limit = 4 * 1024 * 1024) {
    this.#limit = limit
  }

  /** The lines that this chunk completes, without their newlines; empty lines are left out. */
  push(chunk: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > this.#limit) throw new RangeError('line too long')
    return lines.filter((line) => line.trim() !== '')
  }
}
