import { stripAnsi } from './ansi.ts'

export type Level = 'error' | 'warn' | 'info' | 'debug'

export interface LogLine {
  /** Counts from the first line ever received: stable while older lines are dropped. */
  readonly number: number
  readonly stream: 'stdout' | 'stderr'
  /** As received, escapes included. */
  readonly text: string
  /** RFC 3339 with nanoseconds, or empty. */
  readonly time: string
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?/

/**
 * The lines of a log, the newest `capacity` of them. Bytes may be cut anywhere, inside a character too: each stream
 * has its own decoder. Dropping old lines is amortised.
 */
export class LogBuffer {
  readonly #capacity: number
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  readonly #rest = { stdout: '', stderr: '' }
  #lines: LogLine[] = []
  #start = 0
  #next = 0

  constructor(capacity = 50_000) {
    this.#capacity = capacity
  }

  get length(): number {
    return this.#lines.length - this.#start
  }

  /** Number of the next line; what was received in all. */
  get total(): number {
    return this.#next
  }

  at(index: number): LogLine | undefined {
    return this.#lines[this.#start + index]
  }

  /** Takes bytes of one stream; whole lines become readable. */
  push(stream: 'stdout' | 'stderr', data: Uint8Array): void {
    const text = this.#rest[stream] + this.#decoders[stream].decode(data, { stream: true })
    const parts = text.split('\n')
    this.#rest[stream] = parts.pop() ?? ''
    for (const part of parts) this.#add(stream, part)
  }

  /** The source ended: what is left without a newline is a line too. */
  flush(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#rest[stream] !== '') this.#add(stream, this.#rest[stream])
      this.#rest[stream] = ''
    }
  }

  clear(): void {
    this.#lines = []
    this.#start = 0
  }

  *lines(): Generator<LogLine> {
    for (let i = this.#start; i < this.#lines.length; i++) yield this.#lines[i] as LogLine
  }

  #add(stream: 'stdout' | 'stderr', raw: string): void {
    const match = TIMESTAMP.exec(raw)
    const body = match ? raw.slice(match[0].length) : raw
    // A carriage return redraws the line; only what is drawn last stays.
    const drawn = body.replace(/\r+$/, '')
    const text = drawn.includes('\r') ? drawn.slice(drawn.lastIndexOf('\r') + 1) : drawn
    this.#lines.push({ number: this.#next++, stream, text, time: match?.[1] ?? '' })
    if (this.length > this.#capacity) this.#start++
    if (this.#start > 4096 && this.#start > this.#capacity / 4) {
      this.#lines = this.#lines.slice(this.#start)
      this.#start = 0
    }
  }
}

const LEVELS: [Level, RegExp][] = [
  [
    'error',
    /\b(?:error|err|fatal|panic|crit(?:ical)?|emerg|alert|exception)\b|"level":"(?:error|fatal)"|level=(?:error|fatal)/i,
  ],
  ['warn', /\b(?:warn(?:ing)?)\b/i],
  ['debug', /\b(?:debug|trace|verbose)\b/i],
  ['info', /\b(?:info|notice)\b/i],
]

/** The level that the beginning of a line states, if any. */
export function levelOf(text: string): Level | undefined {
  const head = stripAnsi(text).slice(0, 120)
  return LEVELS.find(([, pattern]) => pattern.test(head))?.[0]
}

/** What a search box asks for; undefined when it is no valid regular expression. */
export function searchPattern(
  query: string,
  { regex, caseSensitive }: { regex: boolean; caseSensitive: boolean },
): RegExp | undefined {
  const source = regex ? query : query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  try {
    return new RegExp(source, caseSensitive ? 'g' : 'gi')
  } catch {
    return undefined
  }
}

/** How many lines are looked at between two looks at the clock. */
const STRIDE = 256

/** Numbers of matching lines, extended line by line as a log grows; dropped lines leave it. */
export class LogSearch {
  readonly #pattern: RegExp
  #matches: number[] = []
  #seen = 0

  constructor(pattern: RegExp) {
    this.#pattern = new RegExp(pattern.source, pattern.flags.replace('g', ''))
  }

  get matches(): readonly number[] {
    return this.#matches
  }

  /** Looks at what came since the last time until `late` says that the time is up. True when nothing is left. */
  update(buffer: LogBuffer, late: () => boolean = () => false): boolean {
    const first = buffer.at(0)?.number ?? buffer.total
    if ((this.#matches[0] ?? first) < first) this.#matches = this.#matches.filter((number) => number >= first)
    let number = Math.max(this.#seen, first)
    for (; number < buffer.total; number++) {
      if (number % STRIDE === 0 && late()) break
      const line = buffer.at(number - first)
      if (line && this.#pattern.test(stripAnsi(line.text))) this.#matches.push(number)
    }
    this.#seen = number
    return number >= buffer.total
  }
}
