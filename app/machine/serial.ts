import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'

/** What the guest tells about its boot: lines `slipway: …` on the serial console. */
export type Mark =
  | {
      type: (typeof PLAIN)[number]
    }
  /** `formatting`, `checking`, `mounted`, …; with what was found where there is more to say. */
  | { type: 'data disk'; what: string }
  | { type: 'failed'; message: string }

const PLAIN = [
  'kernel up',
  'system mounted',
  'sshd ready',
  'agent starting',
  /** Everything is loaded; it goes on when it is let go. */
  'holding',
  'awake',
  'agent ready',
  'powering off',
] as const

/** The mark that a console line carries, wherever in the line the kernel's own output left room for it. */
export function parseMark(line: string): Mark | undefined {
  const text = /slipway: (.*)/.exec(plainText(line))?.[1]?.trim()
  if (text === undefined) return undefined
  const plain = PLAIN.find((type) => type === text)
  if (plain) return { type: plain }
  if (text.startsWith('data disk ')) return { type: 'data disk', what: text.slice('data disk '.length) }
  if (text.startsWith('failed: ')) return { type: 'failed', message: text.slice('failed: '.length) }
  return undefined
}

/** Without terminal control sequences and other unprintable bytes. */
export function plainText(text: string): string {
  return text.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, '').replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '')
}

const CHUNK = 64 * 1024
const MAX_LINE = 16 * 1024
/** File watchers miss writes on some file systems; only while something is waited for. */
const POLL_MS = 250

/**
 * Follows a log file that another process appends to, line by line, from its beginning. Meant for the time of a boot:
 * it holds a watcher and a timer until it is disposed.
 */
export class LineFollower implements AsyncDisposable {
  readonly #file: FileHandle
  readonly #onLine: (line: string) => void
  readonly #decoder = new StringDecoder('utf8')
  readonly #watcher: FSWatcher
  readonly #timer: NodeJS.Timeout
  #offset = 0
  #rest = ''
  #reading: Promise<void> | undefined
  #again = false
  #disposed = false

  private constructor(path: string, file: FileHandle, onLine: (line: string) => void) {
    this.#file = file
    this.#onLine = onLine
    this.#watcher = watch(path, { persistent: false }, () => this.#wake())
    this.#watcher.on('error', () => this.#watcher.close())
    this.#timer = setInterval(() => this.#wake(), POLL_MS)
    this.#wake()
  }

  static async open(path: string, onLine: (line: string) => void): Promise<LineFollower> {
    return new LineFollower(path, await open(path, 'r'), onLine)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    this.#watcher.close()
    clearInterval(this.#timer)
    await this.#reading
    await this.#file.close()
  }

  #wake(): void {
    if (this.#disposed) return
    this.#again = true
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
  }

  async #read(): Promise<void> {
    const buffer = Buffer.alloc(CHUNK)
    while (this.#again && !this.#disposed) {
      this.#again = false
      for (;;) {
        const { bytesRead } = await this.#file.read(buffer, 0, CHUNK, this.#offset)
        if (bytesRead === 0) break
        this.#offset += bytesRead
        this.#take(this.#decoder.write(buffer.subarray(0, bytesRead)))
      }
      // QEMU empties the file when it opens it.
      if ((await this.#file.stat()).size < this.#offset) {
        this.#offset = 0
        this.#again = true
      }
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/)
    this.#rest = (lines.pop() ?? '').slice(-MAX_LINE)
    for (const line of lines) if (!this.#disposed) this.#onLine(line)
  }
}

/** The last lines of a log as plain text; empty when there is none. */
export async function logTail(path: string, lines = 30): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const length = Math.min(size, CHUNK / 2)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
    const text = plainText(buffer.toString('utf8', 0, bytesRead).replaceAll('\r', ''))
    return text.trimEnd().split('\n').slice(-lines).join('\n')
  } finally {
    await file.close()
  }
}
