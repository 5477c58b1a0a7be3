/**
 * Lines of conmon's k8s-file log: `2026-01-02T03:04:05.123456789+00:00 stdout F text\n`. P (partial) entries go on in
 * the next entry of the same stream. Bytes stay bytes. Pure.
 */
const NEWLINE = 0x0a
const SPACE = 0x20

export interface LogEntry {
  /** RFC 3339 in UTC with nine digits, ending in Z. */
  time: string
  stream: 'stdout' | 'stderr'
  /** Ends a line; otherwise the next entry of this stream continues it. */
  full: boolean
  /** Without the newline. */
  data: Buffer
  /** Bytes of the whole entry in the file. */
  size: number
}

/** Cuts a growing file into entries, whatever the sizes of its chunks. */
export class LogParser {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): LogEntry[] {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    const entries: LogEntry[] = []
    let start = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const entry = parseEntry(bytes.subarray(start, end))
      if (entry) entries.push(entry)
      start = end + 1
    }
    this.#rest = Buffer.from(bytes.subarray(start))
    return entries
  }

  /** Bytes of an entry that is not complete yet. */
  get pending(): number {
    return this.#rest.length
  }
}

/** One entry without its newline; undefined for what is none (a line cut by a crash). */
export function parseEntry(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(SPACE)
  const second = line.indexOf(SPACE, first + 1)
  const third = line.indexOf(SPACE, second + 1)
  if (first < 0 || second < 0 || third < 0) return undefined
  const stream = line.toString('latin1', first + 1, second)
  const tag = line.toString('latin1', second + 1, third)
  if ((stream !== 'stdout' && stream !== 'stderr') || !/^[PF](:.*)?$/.test(tag)) return undefined
  const time = normalizeTime(line.toString('latin1', 0, first))
  if (time === undefined) return undefined
  return { time, stream, full: tag[0] === 'F', data: line.subarray(third + 1), size: line.length + 1 }
}

/** Docker's fixed form. conmon writes the local offset; the VM runs in UTC, other offsets are converted. */
function normalizeTime(text: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text)
  if (!match) return undefined
  const [, base = '', fraction = '', zone = ''] = match
  const digits = fraction.padEnd(9, '0')
  if (zone === 'Z' || zone === '+00:00' || zone === '-00:00') return `${base}.${digits}Z`
  const shifted = new Date(Date.parse(`${base}${zone}`)).toISOString().slice(0, 19)
  return `${shifted}.${digits}Z`
}
