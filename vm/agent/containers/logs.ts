import { EngineError } from '../../api/errors.ts'
import type { Container } from './container.ts'
import type { LogEntry } from './cri-log.ts'
import { frame, STDERR, STDOUT } from './frames.ts'
import { readLog } from './log-reader.ts'
import type { Parts } from './parts.ts'

export interface LogOptions {
  stdout: boolean
  stderr: boolean
  follow: boolean
  timestamps: boolean
  details: boolean
  tail: number | undefined
  /** RFC 3339 bounds with nine digits and Z, which compare as text. */
  since: string | undefined
  until: string | undefined
  signal?: AbortSignal
}

/** The log as Docker sends it: raw with a TTY, else multiplexed. Ends with the container when it follows. */
export function containerLogs(
  parts: Parts,
  container: Container,
  options: LogOptions,
): AsyncIterable<Buffer> {
  if (container.record.hostConfig.LogConfig?.Type === 'none') {
    throw new EngineError('not_implemented', 'configured logging driver does not support reading')
  }
  return encode(parts, container, options)
}

async function* encode(parts: Parts, container: Container, options: LogOptions): AsyncIterable<Buffer> {
  const writer = new LogWriter(container, options)
  const follow = options.follow && container.running
  const ended = follow ? container.next('exit', options.signal) : undefined
  ended?.catch(() => undefined)
  const entries = readLog(parts.store.directory(container.id), {
    tail: options.tail,
    signal: options.signal,
    follow: ended ? { ended } : undefined,
  })
  for await (const batch of entries) {
    const chunks: Buffer[] = []
    for (const entry of batch) {
      if (options.until !== undefined && entry.time > options.until) {
        if (chunks.length > 0) yield Buffer.concat(chunks)
        return
      }
      const chunk = writer.encode(entry)
      if (chunk) chunks.push(chunk)
    }
    if (chunks.length > 0) yield Buffer.concat(chunks)
  }
}

/** Turns entries into bytes; knows for each stream whether it is in the middle of a line. */
class LogWriter {
  readonly #options: LogOptions
  readonly #tty: boolean
  readonly #details: string
  readonly #inLine = { stdout: false, stderr: false }

  constructor(container: Container, options: LogOptions) {
    this.#options = options
    this.#tty = container.record.config.Tty ?? false
    this.#details = options.details ? detailsOf(container) : ''
  }

  encode(entry: LogEntry): Buffer | undefined {
    const { since, timestamps, details } = this.#options
    const begins = !this.#inLine[entry.stream]
    this.#inLine[entry.stream] = !entry.full
    if (!this.#options[entry.stream] || (since !== undefined && entry.time < since)) return undefined
    const prefix = begins ? `${timestamps ? `${entry.time} ` : ''}${details ? `${this.#details} ` : ''}` : ''
    const parts = [Buffer.from(prefix), entry.data]
    if (entry.full) parts.push(Buffer.from('\n'))
    const bytes = Buffer.concat(parts)
    return this.#tty ? bytes : frame(entry.stream === 'stdout' ? STDOUT : STDERR, bytes)
  }
}

/** Labels and variables that the log options name, as `key=value,…`. */
function detailsOf(container: Container): string {
  const { config, hostConfig } = container.record
  const options = hostConfig.LogConfig?.Config ?? {}
  const names = (key: string) => (options[key] ?? '').split(',').filter((name) => name !== '')
  const env = Object.fromEntries(
    (config.Env ?? []).map((entry) => [
      entry.slice(0, entry.indexOf('=')),
      entry.slice(entry.indexOf('=') + 1),
    ]),
  )
  const pairs = [
    ...names('labels').flatMap((name) =>
      config.Labels?.[name] === undefined ? [] : [[name, config.Labels[name]]],
    ),
    ...names('env').flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  ]
  return pairs
    .map(([key, value]) => `${encodeURIComponent(key ?? '')}=${encodeURIComponent(value ?? '')}`)
    .sort()
    .join(',')
}

/** Docker's times of `since` and `until`: Unix seconds with a fraction; 0 and absent are none. */
export function parseLogTime(name: string, text: string | null): string | undefined {
  if (text === null || text === '' || text === '0') return undefined
  const match = /^(-?[0-9]{1,12})(?:\.([0-9]{1,9}))?$/.exec(text)
  if (match) {
    const whole = new Date(Number(match[1]) * 1000).toISOString().slice(0, 19)
    return `${whole}.${(match[2] ?? '').padEnd(9, '0')}Z`
  }
  const parsed = Date.parse(text)
  if (Number.isNaN(parsed)) {
    throw new EngineError('invalid_argument', `strconv.ParseInt: parsing "${text}": invalid syntax`, {
      details: { status: 500, field: name },
    })
  }
  return `${new Date(parsed).toISOString().slice(0, -1)}000000Z`
}

/** `all`, absent and unreadable mean everything, as in dockerd. */
export function parseTail(text: string | null): number | undefined {
  return text !== null && /^[0-9]+$/.test(text) ? Number(text) : undefined
}
