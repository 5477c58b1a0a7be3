/** `docker import`: a tar of a root filesystem as an image with one layer. */
import { EngineError } from '../../api/errors.ts'
import type { FileContentStore } from '../content/file-store.ts'
import type { Digest } from '../content/store.ts'
import { decompressed } from '../snapshots/decompress.ts'
import { applyChanges } from './changes.ts'
import type { Committer } from './commit.ts'
import type { Layers } from './layers.ts'
import { ALL_BLOBS, type Leases } from './leases.ts'
import { MediaType } from './media-types.ts'
import { parsePlatform } from './platform.ts'

export interface ImportParts {
  content: FileContentStore
  layers: Layers
  leases: Leases
  committer: Committer
}

/** Answers the new image's id. `changes` are Dockerfile instructions; the tar may be compressed. */
export async function importTar(
  parts: ImportParts,
  tar: AsyncIterable<Uint8Array>,
  options: { message?: string; changes?: string[]; platform?: string; signal?: AbortSignal },
): Promise<Digest> {
  const signal = options.signal ? { signal: options.signal } : {}
  const platform = options.platform ? parsePlatform(options.platform) : undefined
  if (platform && platform.os !== 'linux') {
    throw new EngineError('invalid_argument', 'operating system is not supported')
  }
  const config = applyChanges({}, options.changes ?? [])
  const lease = parts.leases.take()
  try {
    await lease.hold(ALL_BLOBS)
    const { digest, size } = await parts.content.write(decompressed(tar), {}, signal)
    await lease.hold(digest)
    await parts.layers.unpack({ digest, diffId: digest, chainId: digest, parent: undefined }, signal)
    const image = {
      parent: undefined,
      config,
      comment: options.message ?? 'Imported from -',
      ...(platform ? { architecture: platform.architecture, os: platform.os } : {}),
    }
    // Kept as it came: its order and headers are not ours, so it could not be packed again.
    return await parts.committer.record(
      image,
      { diffId: digest, blob: { mediaType: MediaType.OCI_LAYER, digest, size } },
      lease,
    )
  } finally {
    lease[Symbol.dispose]()
  }
}
