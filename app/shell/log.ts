import { appendFileSync, renameSync, statSync } from 'node:fs'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export type LogDetails = Readonly<Record<string, unknown>>

export interface LogOptions {
  /** Entries below it are dropped. */
  readonly level?: LogLevel
  /** Bytes of the file before it is moved to `<path>.1`, so that two of these are the most there is. */
  readonly limit?: number
  /** Also write entries here (a terminal). */
  readonly echo?: (line: string) => void
  readonly now?: () => Date
}

/** The host process's own log: one line per entry, bounded, never throwing. The only place that writes it. */
export class Log {
  readonly #path: string
  readonly #level: number
  readonly #limit: number
  readonly #echo: ((line: string) => void) | undefined
  readonly #now: () => Date
  readonly #listeners = new Set<(line: string) => void>()
  #size: number | undefined

  constructor(path: string, options: LogOptions = {}) {
    this.#path = path
    this.#level = ORDER.indexOf(options.level ?? 'info')
    this.#limit = options.limit ?? 2_000_000
    this.#echo = options.echo
    this.#now = options.now ?? (() => new Date())
  }

  debug(message: string, details?: LogDetails): void {
    this.#write('debug', message, details)
  }
  info(message: string, details?: LogDetails): void {
    this.#write('info', message, details)
  }
  warn(message: string, details?: LogDetails): void {
    this.#write('warn', message, details)
  }
  error(message: string, error?: unknown, details?: LogDetails): void {
    this.#write('error', message, { ...details, ...(error === undefined ? {} : { error: describe(error) }) })
  }

  /** Every line written from now on. Answers the unsubscribe. */
  subscribe(listener: (line: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #write(level: LogLevel, message: string, details: LogDetails | undefined): void {
    if (ORDER.indexOf(level) < this.#level) return
    const suffix = details && Object.keys(details).length > 0 ? ` ${safeJson(details)}` : ''
    const line = `${this.#now().toISOString()} ${level.padEnd(5)} ${message.replaceAll('\n', '\\n')}${suffix}`
    try {
      this.#append(`${line}\n`)
    } catch (error) {
      this.#echo?.(`${this.#path}: ${String(error)}`)
    }
    this.#echo?.(line)
    for (const listener of this.#listeners) listener(line)
  }

  #append(text: string): void {
    this.#size ??= sizeOf(this.#path)
    if (this.#size > this.#limit) {
      renameSync(this.#path, `${this.#path}.1`)
      this.#size = 0
    }
    appendFileSync(this.#path, text, { mode: 0o600 })
    this.#size += Buffer.byteLength(text)
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? {} : { cause: describe(error.cause) }
  return { name: error.name, message: error.message, stack: error.stack, ...cause }
}

function safeJson(value: unknown): string {
  const seen = new WeakSet<object>()
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `${part}`
    if (typeof part !== 'object' || part === null) return part
    if (seen.has(part)) return '[circular]'
    seen.add(part)
    return part
  })
}
