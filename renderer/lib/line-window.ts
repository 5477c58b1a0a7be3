import { stripAnsi } from './ansi.ts'
import type { LogBuffer } from './log-buffer.ts'

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g

const PLAIN = /^[\x20-\x7e]*$/

/** Columns that a line takes in a fixed-width font: East Asian letters take two, a tab up to four. */
export function columnsOf(text: string): number {
  if (PLAIN.test(text)) return text.length
  const plain = stripAnsi(text)
  return plain.length + (plain.match(WIDE)?.length ?? 0) + 3 * (plain.match(/\t/g)?.length ?? 0)
}

/**
 * How many screen rows the lines of a log take, kept as running sums: adding lines costs only those, and the line at a
 * height is found without looking at the others. Indices are the buffer's own.
 */
export class LineWindow {
  /** Rows up to and including each line, from the line that was first when counting began. */
  #sums: number[] = []
  /** Number of the line that `#sums[0]` is about. */
  #base = 0
  #first = 0
  #columns: number | undefined

  /** Follows the buffer. `columns` is the width at which lines wrap; undefined: they do not. */
  update(buffer: LogBuffer, columns: number | undefined): void {
    const first = buffer.at(0)?.number ?? buffer.total
    if (columns !== this.#columns || first < this.#base || first > this.#next) {
      this.#columns = columns
      this.#sums = []
      this.#base = first
    }
    this.#first = first
    if (first - this.#base > 65_536) this.#rebase()
    for (let number = this.#next; number < buffer.total; number++) {
      const text = buffer.at(number - first)?.text ?? ''
      const rows = columns === undefined ? 1 : Math.max(1, Math.ceil(columnsOf(text) / columns))
      this.#sums.push((this.#sums.at(-1) ?? 0) + rows)
    }
  }

  /** Rows of all lines. */
  get rows(): number {
    return this.top(this.#next - this.#first)
  }

  /** Rows above a line. */
  top(index: number): number {
    return this.#sum(this.#first + index) - this.#sum(this.#first)
  }

  /** The line that a row belongs to; the nearest one for rows outside. */
  lineAt(row: number): number {
    const wanted = row + this.#sum(this.#first)
    let [low, high] = [this.#first - this.#base, Math.max(this.#first - this.#base, this.#sums.length - 1)]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#sums[middle] ?? 0) > wanted) high = middle
      else low = middle + 1
    }
    return low - (this.#first - this.#base)
  }

  get #next(): number {
    return this.#base + this.#sums.length
  }

  #sum(number: number): number {
    return this.#sums[number - this.#base - 1] ?? 0
  }

  /** Forgets lines that the buffer dropped long ago. */
  #rebase(): void {
    const gone = this.#first - this.#base
    const before = this.#sum(this.#first)
    this.#sums = this.#sums.slice(gone).map((sum) => sum - before)
    this.#base = this.#first
  }
}
