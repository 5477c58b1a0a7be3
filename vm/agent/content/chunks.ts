/**
 * Bytes in bulk. A stream of the engine's hands out pieces of one buffer: a chunk holds only until the next is asked
 * for. A new buffer for each chunk would stay until V8 collects it, which it puts off until some 90 MB lie about, in
 * every thread.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const CHUNK = 256 * 1024
/** Buffers that wait for their next use, at most. */
const SPARE = 4
/** Bytes between two collections of what streams leave behind. */
const COLLECT_EVERY = 8 * 1024 * 1024

/** Buffers of one size that are used again; those that live for seconds are the ones that V8 collects last. */
export class BufferPool {
  readonly #size: number
  readonly #spare: Buffer[] = []

  constructor(size: number) {
    this.#size = size
  }

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#size)
  }

  /** Nobody may hold on to a part of it. */
  give(buffer: Buffer): void {
    if (this.#spare.length < SPARE) this.#spare.push(buffer)
  }
}

const chunks = new BufferPool(CHUNK)

/** A file from `start`, at most `size` bytes. A link at its path is not followed. */
export async function* fileChunks(
  path: string,
  options: { start?: number; size?: number } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = options.start ?? 0
  const end = at + (options.size ?? Number.POSITIVE_INFINITY)
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  const buffer = chunks.take()
  try {
    while (at < end) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at)
      if (bytesRead === 0) return
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    chunks.give(buffer)
    await file.close()
  }
}

/**
 * What others make a buffer of each piece for, as node:http does with a request's body: passed on, with the buffers
 * that are done collected every few megabytes.
 */
export async function* collected(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of source) {
    passed += chunk.length
    if (passed >= COLLECT_EVERY) {
      passed = 0
      collectYoung()
    }
    yield chunk
  }
}

/** Bytes of all streams of this thread since the last collection. */
let passed = 0

type Collect = (options: { type: 'minor' }) => void
let collect: Collect | undefined

/** Frees what became garbage a moment ago; about a millisecond. */
function collectYoung(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as Collect
  }
  collect({ type: 'minor' })
}
