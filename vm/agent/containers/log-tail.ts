/** Where the last N lines of a log begin, found from the end without reading the whole file. */
import type { FileHandle } from 'node:fs/promises'
import { parseEntry } from './cri-log.ts'

const BLOCK = 64 * 1024

/**
 * Offset of the first entry of the last `lines` lines; `missing` is how many lines the file has too few. A line is a
 * run of partial entries and the full one that ends it.
 */
export async function tailOffset(
  file: FileHandle,
  lines: number,
): Promise<{ offset: number; missing: number }> {
  const { size } = await file.stat()
  if (lines <= 0) return { offset: size, missing: 0 }
  let position = size
  let tail: Buffer = Buffer.alloc(0)
  let count = 0
  // Offset where the line that is being scanned begins, as far as it is known.
  let begin = size
  let inLine = false
  while (position > 0) {
    const length = Math.min(BLOCK, position)
    position -= length
    const block = Buffer.alloc(length)
    await file.read(block, 0, length, position)
    tail = Buffer.concat([block, tail])
    for (;;) {
      const end = tail.length - 1
      if (end < 0) break
      const cut = tail.lastIndexOf(0x0a, end - 1)
      if (cut < 0 && position > 0) break
      const entry = parseEntry(tail.subarray(cut + 1, tail[end] === 0x0a ? end : end + 1))
      if (entry) {
        if (entry.full || !inLine) {
          if (inLine && ++count === lines) return { offset: begin, missing: 0 }
          inLine = true
        }
        begin = position + cut + 1
      }
      tail = tail.subarray(0, cut + 1)
      if (cut < 0) break
    }
  }
  if (inLine) count++
  return { offset: 0, missing: lines - count }
}
