import { type FileHandle, open } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TailOptions {
  readonly signal: AbortSignal
  /** How much of the end to begin with, in bytes. */
  readonly last?: number
  /** Stop after what is there instead of following. */
  readonly once?: boolean
  /** Milliseconds between looks; files on network homes and Windows do not notify reliably. */
  readonly period?: number
}

/**
 * The end of a growing text file, from a line's beginning on, then what is appended. A file that was replaced or made
 * shorter (a new boot, a rotation) is read from its beginning; one that is not there yet is waited for.
 */
export async function* tailFile(
  path: string,
  { signal, last = 200_000, once = false, period = 250 }: TailOptions,
): AsyncGenerator<string, void, undefined> {
  let position: number | undefined
  let inode: number | undefined
  let decoder = new StringDecoder('utf8')
  while (!signal.aborted) {
    const file = await openIfThere(path)
    if (file) {
      try {
        const { size, ino } = await file.stat()
        let start = position
        if (start === undefined) start = await lineStart(file, Math.max(0, size - last))
        else if (ino !== inode || size < start) start = 0
        if (start !== position) decoder = new StringDecoder('utf8')
        inode = ino
        position = start
        for await (const chunk of chunks(file, start, size)) {
          position += chunk.length
          const text = decoder.write(chunk)
          if (text !== '') yield text
        }
      } finally {
        await file.close()
      }
    }
    if (once) return
    position ??= 0
    await sleep(period, undefined, { signal }).catch(() => undefined)
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function* chunks(file: FileHandle, from: number, to: number): AsyncGenerator<Buffer, void, undefined> {
  for (let at = from; at < to; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(65_536, to - at)), 0, undefined, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** The first line's beginning at or after `from`. */
async function lineStart(file: FileHandle, from: number): Promise<number> {
  if (from === 0) return 0
  const { bytesRead, buffer } = await file.read(Buffer.alloc(4096), 0, 4096, from - 1)
  const newline = buffer.subarray(0, bytesRead).indexOf(10)
  return newline < 0 ? from : from + newline
}
