/**
 * What images there are, read back from their content when `images.json` is damaged: a config whose layers are all
 * here is an image. Names cannot be had again; the images stay, untagged, and nothing of them is collected.
 */
import { kindOf } from '../../api/errors.ts'
import type { ContentStore, Descriptor, Digest } from '../content/store.ts'
import type { Snapshotter } from '../snapshots/snapshotter.ts'
import { chainIds } from './chain.ts'
import type { ImageConfig } from './images.ts'
import { type Manifest, parseConfig, parseManifest } from './manifest.ts'
import { MediaType } from './media-types.ts'
import type { ImageRecord, ImageStore } from './store.ts'

/** Configs and manifests are small; a layer that happens to be is no JSON. */
const MAX_JSON = 1024 * 1024

interface Found {
  configs: Map<Digest, ImageConfig>
  manifests: { descriptor: Descriptor; manifest: Manifest }[]
}

/** Fills the store, on disk when it answers; the number of images found. */
export async function rebuild(parts: {
  store: ImageStore
  content: ContentStore
  snapshots: Snapshotter
}): Promise<number> {
  const found = await read(parts.content)
  const records: ImageRecord[] = []
  for (const [id, config] of found.configs) {
    const chain = chainIds(config.rootfs.diff_ids)
    const layers = await Promise.all(chain.map((chainId) => parts.snapshots.stat(chainId)))
    if (layers.every((layer) => layer !== undefined))
      records.push(await recordOf(id, config, found, parts.content))
  }
  await parts.store.update(({ images }) => {
    for (const record of records) images.set(record.id, record)
  })
  return records.length
}

async function recordOf(
  id: Digest,
  config: ImageConfig,
  found: Found,
  content: ContentStore,
): Promise<ImageRecord> {
  const own = found.manifests.filter(({ manifest }) => manifest.config.digest === id)
  const layers = await Promise.all(
    config.rootfs.diff_ids.map(async (diffId, index) => {
      for (const { manifest } of own) {
        const blob = manifest.layers[index]
        if (blob && (await content.info(blob.digest))) return { diffId, blob }
      }
      return { diffId, ...(await plainBlob(diffId, content)) }
    }),
  )
  return { id, layers, manifests: own.map(({ descriptor }) => descriptor), lastTagTime: 0 }
}

/** Loaded and imported layers are kept as plain tars, whose digest is the diff ID. */
async function plainBlob(diffId: Digest, content: ContentStore): Promise<{ blob?: Descriptor }> {
  const info = await content.info(diffId)
  return info ? { blob: { mediaType: MediaType.OCI_LAYER, digest: diffId, size: info.size } } : {}
}

async function read(content: ContentStore): Promise<Found> {
  const found: Found = { configs: new Map(), manifests: [] }
  for await (const { digest, size } of content.walk()) {
    if (size > MAX_JSON) continue
    const bytes = await content.read(digest)
    if (bytes[0] !== '{'.charCodeAt(0)) continue
    const manifest = attempt(() => parseManifest(bytes, digest))
    const config = manifest ? undefined : attempt(() => parseConfig(bytes, digest))
    if (config) found.configs.set(digest, config)
    if (manifest) {
      const descriptor = { mediaType: typeOf(bytes), digest, size }
      found.manifests.push({ descriptor, manifest })
    }
  }
  return found
}

/** Undefined for JSON of another kind. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (kindOf(error) === 'data_loss' || kindOf(error) === 'invalid_argument') return undefined
    throw error
  }
}

function typeOf(manifest: Uint8Array): string {
  const { mediaType } = JSON.parse(Buffer.from(manifest).toString()) as { mediaType?: unknown }
  return typeof mediaType === 'string' ? mediaType : MediaType.OCI_MANIFEST
}
