/** Streams that may be compressed: what with is told by their first bytes. */
import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { EngineError } from '../../api/errors.ts'
import { collected } from '../content/chunks.ts'
import { unpackedExternally } from './external-compression.ts'

// Node 22.15 and newer; unit tests may run on an older one.
const zstd = (zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Transform })
  .createZstdDecompress

const CHUNK = 256 * 1024

/**
 * The plain bytes of a stream in gzip, zstd, bzip2, xz or none of them; data_loss when they are corrupt. A chunk holds
 * until the next is asked for.
 */
export async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const input = collected(unpackedExternally(source))[Symbol.asyncIterator]()
  const first = await input.next()
  if (first.done) return
  const whole = (async function* () {
    try {
      for (let item: IteratorResult<Uint8Array> = first; !item.done; item = await input.next())
        yield item.value
    } finally {
      await input.return?.()
    }
  })()
  const transform = decompressor(first.value)
  yield* transform ? through(whole, transform) : whole
}

function decompressor(head: Uint8Array): Transform | undefined {
  const starts = (...magic: number[]) => magic.every((byte, index) => head[index] === byte)
  if (starts(0x1f, 0x8b)) return zlib.createGunzip({ chunkSize: CHUNK })
  if (!starts(0x28, 0xb5, 0x2f, 0xfd)) return undefined
  if (!zstd) throw new EngineError('not_implemented', 'zstd compression is not supported by this runtime')
  return zstd({ chunkSize: CHUNK })
}

async function* through(source: AsyncIterable<Uint8Array>, transform: Transform): AsyncIterable<Uint8Array> {
  const feeding = (async () => {
    try {
      for await (const chunk of source) await written(transform, chunk)
      transform.end()
    } catch (error) {
      transform.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  })()
  try {
    yield* collected(transform)
  } catch (error) {
    const corrupt = error instanceof Error && 'code' in error && /^Z_|ZSTD/.test(String(error.code))
    if (!corrupt) throw error
    throw new EngineError('data_loss', `corrupt archive: ${error.message}`, { cause: error })
  } finally {
    transform.destroy()
    await feeding
  }
}

/** Until the transform has done with the chunk. */
function written(transform: Transform, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    transform.write(chunk, (error) => (error ? reject(error) : resolve()))
  })
}
