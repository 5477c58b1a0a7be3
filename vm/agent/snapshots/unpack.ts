/** A layer file (plain, gzip or zstd tar) onto a directory: decompress, hash, apply, sync. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable, Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { EngineError } from '../../api/errors.ts'
import type { Digest } from '../content/store.ts'
import type { Kernel } from '../linux/kernel.ts'
import { LayerWriter } from './apply.ts'
import type { AppliedLayer } from './snapshotter.ts'
import { TarReader } from './tar-reader.ts'

export interface UnpackRequest {
  path: string
  /** The directory that is filled. */
  upper: string
  /** Directories of the layers below, top first. */
  lower: string[]
  /** Verified digest of the file: a plain tar is not hashed again. */
  digest?: Digest | undefined
}
export type UnpackKernel = Pick<Kernel, 'mknod' | 'setXattr' | 'syncFilesystem'>

// Node 22.15 and newer; unit tests may run on an older one.
const zstd = (zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Transform })
  .createZstdDecompress

const READ_SIZE = 1024 * 1024
const CHUNK = 256 * 1024

/** What a file is compressed with, by its first bytes. invalid_argument for what the engine cannot read. */
export function compressionOf(head: Uint8Array): 'none' | 'gzip' | 'zstd' {
  const starts = (...magic: number[]) => magic.every((byte, index) => head[index] === byte)
  if (starts(0x1f, 0x8b)) return 'gzip'
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd'
  if (starts(0x42, 0x5a, 0x68))
    throw new EngineError('invalid_argument', 'bzip2 compression is not supported')
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a))
    throw new EngineError('invalid_argument', 'xz compression is not supported')
  return 'none'
}

/** The decompressor for it, or undefined for a plain tar. */
export function decompressor(compression: 'none' | 'gzip' | 'zstd'): Transform | undefined {
  if (compression === 'gzip') return zlib.createGunzip({ chunkSize: CHUNK })
  if (compression !== 'zstd') return undefined
  if (!zstd) throw new EngineError('not_implemented', 'zstd compression is not supported by this runtime')
  return zstd({ chunkSize: CHUNK })
}

/**
 * Fills `upper`; what it holds after a failure is the caller's to remove. `onProgress` gets bytes read of the file.
 */
export async function unpack(
  kernel: UnpackKernel,
  request: UnpackRequest,
  options: { signal?: AbortSignal; onProgress?: (bytes: number) => void } = {},
): Promise<AppliedLayer> {
  const compression = compressionOf(await headOf(request.path))
  const known = compression === 'none' ? request.digest : undefined
  const hash = known === undefined ? createHash('sha256') : undefined
  const writer = new LayerWriter({ kernel, root: request.upper, lower: request.lower })
  const reader = new TarReader(writer)
  const file = createReadStream(request.path, { highWaterMark: READ_SIZE })
  const transform = decompressor(compression)
  const source: Readable = transform ? file.pipe(transform) : file
  file.on('error', (error) => transform?.destroy(error))
  try {
    for await (const chunk of source) {
      options.signal?.throwIfAborted()
      hash?.update(chunk)
      reader.push(chunk)
      options.onProgress?.(file.bytesRead)
    }
    reader.finish()
    writer.finish()
    kernel.syncFilesystem(request.upper)
    const diffId: Digest = known ?? `sha256:${hash?.digest('hex') ?? ''}`
    return { diffId, ...writer.usage }
  } catch (error) {
    throw worded(error)
  } finally {
    writer.abort()
    file.destroy()
    transform?.destroy()
  }
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** System and zlib errors as the engine's. */
function worded(error: unknown): unknown {
  if (error instanceof EngineError || !(error instanceof Error) || !('code' in error)) return error
  const code = String(error.code)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new EngineError('unavailable', 'no space left on device', { cause: error })
  }
  if (/^Z_|^ERR_ZSTD|ZSTD/.test(code)) {
    return new EngineError('data_loss', `corrupt layer: ${error.message}`, { cause: error })
  }
  if (code === 'ENAMETOOLONG') return new EngineError('invalid_argument', error.message, { cause: error })
  return error
}
