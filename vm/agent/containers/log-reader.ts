/** Reading and following a container's log files. */
import { type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { type LogEntry, LogParser } from './cri-log.ts'
import { logFiles } from './log-files.ts'
import { tailOffset } from './log-tail.ts'

const CHUNK = 64 * 1024

export interface ReadOptions {
  /** Only the last so many lines; undefined: all. */
  tail?: number | undefined
  /** Goes on with what is written until `ended` resolves and all of it was read. */
  follow?: { ended: Promise<unknown> } | undefined
  signal?: AbortSignal | undefined
}

/** Entries in the order they were written, across rotated files. */
export async function* readLog(directory: string, options: ReadOptions): AsyncIterable<LogEntry[]> {
  const files = await logFiles(directory)
  const start = await startAt(files, options.tail)
  for (const [index, path] of files.entries()) {
    if (index < start.index || (index === files.length - 1 && options.follow)) continue
    yield* readOne(path, index === start.index ? start.offset : 0, options.signal)
  }
  const last = files.at(-1)
  if (options.follow && last) {
    const offset = start.index === files.length - 1 ? start.offset : 0
    yield* followFile(last, offset, options.follow.ended, options.signal)
  }
}

async function startAt(
  files: string[],
  tail: number | undefined,
): Promise<{ index: number; offset: number }> {
  if (tail === undefined) return { index: 0, offset: 0 }
  let wanted = tail
  for (let index = files.length - 1; index >= 0; index--) {
    const file = await openIfThere(files[index] ?? '')
    if (!file) continue
    try {
      const { offset, missing } = await tailOffset(file, wanted)
      if (missing <= 0) return { index, offset }
      wanted = missing
    } finally {
      await file.close()
    }
  }
  return { index: 0, offset: 0 }
}

async function* readOne(path: string, offset: number, signal?: AbortSignal): AsyncIterable<LogEntry[]> {
  const file = await openIfThere(path)
  if (!file) return
  try {
    const parser = new LogParser()
    for (let position = offset; !signal?.aborted; ) {
      const chunk = await readChunk(file, position)
      if (chunk.length === 0) return
      position += chunk.length
      yield parser.push(chunk)
    }
  } finally {
    await file.close()
  }
}

/** Size of the log now: where a follower that wants only what comes begins. */
export async function logEnd(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

/**
 * What is written to `path` from `offset` on, also across rotation (the file is renamed away and made anew) and when
 * it does not exist yet. Ends after `ended`, once everything was read.
 */
export async function* followFile(
  path: string,
  offset: number,
  ended: Promise<unknown>,
  signal?: AbortSignal,
): AsyncIterable<LogEntry[]> {
  const wakeup = new Wakeup()
  let over = false
  const finish = () => {
    over = true
    wakeup.ring()
  }
  ended.then(finish, finish)
  signal?.addEventListener('abort', () => wakeup.ring(), { once: true })
  let watcher: FSWatcher | undefined
  let file: FileHandle | undefined
  let position = offset
  let parser = new LogParser()
  try {
    // The container's other files change while it starts; only a queue that overflowed names none.
    watcher = watch(dirname(path), (_, name) => {
      if (name === null || name === basename(path)) wakeup.ring()
    })
    watcher.on('error', finish)
    while (!signal?.aborted) {
      const wasOver = over
      file ??= await openIfThere(path)
      const chunk = file ? await readChunk(file, position) : Buffer.alloc(0)
      if (chunk.length > 0) {
        position += chunk.length
        const entries = parser.push(chunk)
        if (entries.length > 0) yield entries
        continue
      }
      if (file && (await replaced(path, file))) {
        await file.close()
        file = undefined
        position = 0
        parser = new LogParser()
        if (await openable(path)) continue
      }
      if (wasOver) return
      await wakeup.wait()
    }
  } finally {
    watcher?.close()
    await file?.close()
  }
}

/** A bell that remembers one ring. */
class Wakeup {
  #rung = false
  #resolve: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#resolve?.()
  }

  async wait(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
      })
    }
    this.#rung = false
    this.#resolve = undefined
  }
}

async function readChunk(file: FileHandle, position: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(CHUNK)
  const { bytesRead } = await file.read(buffer, 0, CHUNK, position)
  return buffer.subarray(0, bytesRead)
}

async function replaced(path: string, file: FileHandle): Promise<boolean> {
  const [now, own] = await Promise.all([stat(path).catch(() => undefined), file.stat()])
  return now === undefined || now.ino !== own.ino
}

async function openable(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
