/** A layer file (plain, gzip or zstd tar) onto a directory: decompress, hash, apply, sync. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { EngineError } from '../../api/errors.ts'
import { fileChunks } from '../content/chunks.ts'
import type { Digest } from '../content/store.ts'
import type { Kernel } from '../linux/kernel.ts'
import { LayerWriter } from './apply.ts'
import { decompressed } from './decompress.ts'
import { packTree } from './diff.ts'
import { isCompressed } from './external-compression.ts'
import { untouchedMountPoints } from './mount-points.ts'
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

/**
 * Fills `upper`; what it holds after a failure is the caller's to remove. `onProgress` gets bytes read of the file.
 */
export async function unpack(
  kernel: UnpackKernel,
  request: UnpackRequest,
  options: { signal?: AbortSignal; onProgress?: (bytes: number) => void } = {},
): Promise<AppliedLayer> {
  const compressed = isCompressed(await headOf(request.path))
  const file = counted(fileChunks(request.path), options.onProgress)
  const known = compressed ? undefined : request.digest
  return fill(kernel, request, known, compressed ? decompressed(file) : file, options.signal)
}

/**
 * Fills `upper` with the changes that the first of the directories `layers` (newest first) holds in overlay upper form, by
 * way of the layer tar that they make: the same as packing and unpacking it, with nothing kept between. What is only there
 * to be mounted on is left out.
 */
export async function copyLayer(
  kernel: CopyKernel,
  request: { layers: string[]; upper: string; lower: string[] },
  options: { signal?: AbortSignal } = {},
): Promise<AppliedLayer> {
  const skip = await untouchedMountPoints(kernel, request.layers)
  const tar = packTree(request.layers[0] ?? '', kernel, { ...options, skip })
  return fill(kernel, request, undefined, tar, options.signal)
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

/** System errors as the engine's. */
function worded(error: unknown): unknown {
  if (error instanceof EngineError || !(error instanceof Error) || !('code' in error)) return error
  const code = String(error.code)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new EngineError('unavailable', 'no space left on device', { cause: error })
  }
  if (code === 'ENAMETOOLONG') return new EngineError('invalid_argument', error.message, { cause: error })
  return error
}
