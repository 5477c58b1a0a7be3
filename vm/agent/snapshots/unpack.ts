/** A layer file (plain, gzip or zstd tar) onto a directory: decompress, hash, apply, sync. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { EngineError } from '../../api/errors.ts'
import { collected, fileChunks } from '../content/chunks.ts'
import type { Digest } from '../content/store.ts'
import type { Kernel } from '../linux/kernel.ts'
import { LayerWriter } from './apply.ts'
import { packTree } from './diff.ts'
import type { AppliedLayer, PackedLayer } from './snapshotter.ts'
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
export type CopyKernel = UnpackKernel & Pick<Kernel, 'getXattr' | 'listXattrs'>

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
  const transform = decompressor(compression)
  if (!transform) {
    return fill(kernel, request, known, counted(fileChunks(request.path), options.onProgress), options.signal)
  }
  const file = createReadStream(request.path, { highWaterMark: READ_SIZE })
  file.on('error', (error) => transform.destroy(error))
  try {
    const source = counted(collected(file.pipe(transform)), () => options.onProgress?.(file.bytesRead))
    return await fill(kernel, request, undefined, source, options.signal)
  } finally {
    file.destroy()
    transform.destroy()
  }
}

/**
 * Fills `upper` with the changes that the directory `source` holds in overlay upper form, by way of the layer tar that
 * they make: the same as packing and unpacking it, with nothing kept between.
 */
export async function copyLayer(
  kernel: CopyKernel,
  request: { source: string; upper: string; lower: string[] },
  options: { signal?: AbortSignal } = {},
): Promise<AppliedLayer> {
  return fill(kernel, request, undefined, packTree(request.source, kernel, options), options.signal)
}

/** Digest and size of the layer tar that a directory in overlay upper form makes. */
export async function digestTree(
  kernel: CopyKernel,
  source: string,
  options: { signal?: AbortSignal } = {},
): Promise<PackedLayer> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of packTree(source, kernel, options)) {
    hash.update(chunk)
    size += chunk.length
  }
  return { diffId: `sha256:${hash.digest('hex')}`, size }
}

/** `known`: the digest of the tar, which then is not hashed again. */
async function fill(
  kernel: UnpackKernel,
  target: { upper: string; lower: string[] },
  known: Digest | undefined,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<AppliedLayer> {
  const hash = known === undefined ? createHash('sha256') : undefined
  const writer = new LayerWriter({ kernel, root: target.upper, lower: target.lower })
  const reader = new TarReader(writer)
  try {
    for await (const chunk of tar) {
      signal?.throwIfAborted()
      hash?.update(chunk)
      reader.push(chunk)
    }
    reader.finish()
    writer.finish()
    kernel.syncFilesystem(target.upper)
    return { diffId: known ?? `sha256:${hash?.digest('hex') ?? ''}`, ...writer.usage }
  } catch (error) {
    throw worded(error)
  } finally {
    writer.abort()
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onProgress: ((bytes: number) => void) | undefined,
): AsyncIterable<Uint8Array> {
  let bytes = 0
  for await (const chunk of source) {
    yield chunk
    bytes += chunk.length
    onProgress?.(bytes)
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
