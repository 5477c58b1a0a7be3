/** Content store in a directory: `blobs/sha256/<hex>` once verified, `ingest/` while being written. */
import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, opendir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from '../../api/errors.ts'
import { BufferPool, fileChunks } from './chunks.ts'
import { noSpace, Room } from './room.ts'
import type { ContentStore, Digest } from './store.ts'

/** Bytes that are written at once: each write is a trip to another thread, and the network brings 64 KiB at most. */
const BATCH = 1024 * 1024
/** Manifests and configs that are read whole. */
const MAX_READ = 8 * 1024 * 1024
const DIGEST = /^sha256:[0-9a-f]{64}$/

/** True for `sha256:` and 64 lower-case hex digits: the only digests that are stored. */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text)
}

export class FileContentStore implements ContentStore {
  readonly #blobs: string
  readonly #ingest: string
  #ready: Promise<void> | undefined

  constructor(root: string) {
    this.#blobs = join(root, 'blobs', 'sha256')
    this.#ingest = join(root, 'ingest')
  }

  /** Where the blob's bytes are, for readers in other threads. invalid_argument for a malformed digest. */
  path(digest: Digest): string {
    if (!isDigest(digest)) throw new EngineError('invalid_argument', `invalid digest: ${digest}`)
    return join(this.#blobs, digest.slice('sha256:'.length))
  }

  async info(digest: Digest): Promise<{ size: number } | undefined> {
    try {
      return { size: (await stat(this.path(digest))).size }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async *open(digest: Digest, offset = 0): AsyncIterable<Uint8Array> {
    try {
      yield* fileChunks(this.path(digest), { start: offset })
    } catch (error) {
      throw isMissing(error) ? missing(digest) : error
    }
  }

  async read(digest: Digest): Promise<Uint8Array> {
    const info = await this.info(digest)
    if (!info) throw missing(digest)
    if (info.size > MAX_READ) {
      throw new EngineError(
        'invalid_argument',
        `content ${digest} is too big to read at once: ${info.size} bytes`,
      )
    }
    return readFile(this.path(digest))
  }

  async write(
    source: AsyncIterable<Uint8Array>,
    expected: { digest?: Digest; size?: number } = {},
    options: { signal?: AbortSignal } = {},
  ): Promise<{ digest: Digest; size: number }> {
    if (expected.digest) {
      const known = await this.info(expected.digest)
      if (known) {
        if (expected.size !== undefined && expected.size !== known.size) {
          throw wrongSize(expected.digest, expected.size, known.size)
        }
        return { digest: expected.digest, size: known.size }
      }
    }
    await this.#prepare()
    const path = join(this.#ingest, randomUUID())
    const subject = expected.digest ?? 'content'
    const room = new Room(this.#ingest)
    room.take(expected.size ?? 0, subject)
    const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
    try {
      const written = await drain(guarded(source, room, subject), file, expected.size, options.signal)
      verify(written, expected)
      await file.datasync()
      await file.close()
      await rename(path, this.path(written.digest))
      await syncDirectory(this.#blobs)
      return written
    } catch (error) {
      await file.close().catch(() => undefined)
      await rm(path, { force: true })
      throw isFull(error) ? noSpace(subject, error) : error
    }
  }

  async delete(digest: Digest): Promise<void> {
    await rm(this.path(digest), { force: true })
  }

  async *walk(): AsyncIterable<{ digest: Digest; size: number }> {
    await this.#prepare()
    for await (const entry of await opendir(this.#blobs)) {
      const digest = `sha256:${entry.name}`
      if (!isDigest(digest)) continue
      const info = await this.info(digest)
      if (info) yield { digest, size: info.size }
    }
  }

  /** Makes the directories; what a former run left half-written is dropped on first use. */
  #prepare(): Promise<void> {
    this.#ready ??= (async () => {
      await rm(this.#ingest, { recursive: true, force: true })
      await mkdir(this.#ingest, { recursive: true, mode: 0o700 })
      await mkdir(this.#blobs, { recursive: true, mode: 0o700 })
    })()
    return this.#ready
  }
}

async function drain(
  source: AsyncIterable<Uint8Array>,
  file: FileHandle,
  limit: number | undefined,
  signal: AbortSignal | undefined,
): Promise<{ digest: Digest; size: number }> {
  const hash = createHash('sha256')
  const writer = new BatchWriter(file)
  let size = 0
  try {
    for await (const chunk of source) {
      signal?.throwIfAborted()
      size += chunk.length
      if (limit !== undefined && size > limit) {
        throw new EngineError('data_loss', `content is longer than the announced ${limit} bytes`)
      }
      hash.update(chunk)
      await writer.push(chunk)
    }
    signal?.throwIfAborted()
  } finally {
    await writer.end()
  }
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

const batches = new BufferPool(BATCH)

/** Copies chunks together and writes one batch while the next is collected. */
class BatchWriter {
  readonly #file: FileHandle
  #batch: Buffer | undefined
  #size = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(file: FileHandle) {
    this.#file = file
  }

  async push(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      this.#batch ??= batches.take()
      const piece = chunk.subarray(at, at + this.#batch.length - this.#size)
      this.#batch.set(piece, this.#size)
      this.#size += piece.length
      at += piece.length
      if (this.#size === this.#batch.length) await this.#flush()
    }
  }

  /** Answers when everything is written. */
  async end(): Promise<void> {
    await this.#flush()
    await this.#writing
  }

  async #flush(): Promise<void> {
    await this.#writing
    const [batch, size] = [this.#batch, this.#size]
    if (!batch) return
    this.#batch = undefined
    this.#size = 0
    this.#writing = this.#write(batch.subarray(0, size)).finally(() => batches.give(batch))
    // Who waits next hears of it.
    this.#writing.catch(() => undefined)
  }

  async #write(bytes: Buffer): Promise<void> {
    // A write may be short: a full disk says so at the next one.
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten
  }
}

function verify(
  written: { digest: Digest; size: number },
  expected: { digest?: Digest; size?: number },
): void {
  if (expected.size !== undefined && written.size !== expected.size) {
    throw wrongSize(expected.digest ?? written.digest, expected.size, written.size)
  }
  if (expected.digest && written.digest !== expected.digest) {
    throw new EngineError(
      'data_loss',
      `filesystem layer verification failed for digest ${expected.digest}: content has digest ${written.digest}`,
    )
  }
}

function wrongSize(digest: Digest, expected: number, actual: number): EngineError {
  return new EngineError('data_loss', `content ${digest}: expected ${expected} bytes, got ${actual}`)
}

function missing(digest: Digest): EngineError {
  return new EngineError('not_found', `content ${digest}: not found`)
}

async function* guarded(
  source: AsyncIterable<Uint8Array>,
  room: Room,
  subject: string,
): AsyncIterable<Uint8Array> {
  for await (const chunk of source) {
    room.take(chunk.length, subject)
    yield chunk
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC'
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
