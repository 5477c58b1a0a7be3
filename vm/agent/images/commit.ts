/** New images made here: of a container's changes (commit, build) or of a tar (import). */
import { createHash } from 'node:crypto'
import type { ContainerConfig } from '../../api/containers.ts'
import type { FileContentStore } from '../content/file-store.ts'
import type { Descriptor, Digest } from '../content/store.ts'
import type { LayerDiffer, Snapshotter } from '../snapshots/snapshotter.ts'
import { chainIds } from './chain.ts'
import type { ImageConfig, ResolvedImage } from './images.ts'
import { ALL_BLOBS, type Lease, type Leases } from './leases.ts'
import { hostPlatform } from './manifest.ts'
import type { ImageStore } from './store.ts'

/** The tar of nothing: two zero blocks. Docker makes no layer of it. */
const EMPTY_TAR: Digest = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef'

export interface NewImage {
  parent: ResolvedImage | undefined
  config: ContainerConfig
  author?: string | undefined
  comment?: string | undefined
  createdBy?: string | undefined
  architecture?: string
  os?: string
}

export class Committer {
  readonly #content: FileContentStore
  readonly #differ: LayerDiffer
  readonly #snapshots: Snapshotter
  readonly #store: ImageStore
  readonly #leases: Leases

  constructor(options: {
    content: FileContentStore
    differ: LayerDiffer
    snapshots: Snapshotter
    store: ImageStore
    leases: Leases
  }) {
    this.#content = options.content
    this.#differ = options.differ
    this.#snapshots = options.snapshots
    this.#store = options.store
    this.#leases = options.leases
  }

  /**
   * Image of the changes in `snapshot` (none: only the config changes). The snapshot itself is left alone: its content
   * is packed and unpacked into a layer, since a container goes on writing into its own.
   */
  async commit(
    image: NewImage,
    snapshot: string | undefined,
    unpack: (layer: {
      digest: Digest
      diffId: Digest
      chainId: Digest
      parent: Digest | undefined
    }) => Promise<void>,
    options: { signal?: AbortSignal } = {},
  ): Promise<Digest> {
    const lease = this.#leases.take()
    try {
      const blob = snapshot === undefined ? undefined : await this.#pack(snapshot, lease, options)
      if (!blob) return await this.record(image, undefined, lease)
      const below = image.parent?.config.rootfs.diff_ids ?? []
      const chain = chainIds([...below, blob.digest])
      const chainId = chain.at(-1) ?? blob.digest
      await lease.hold(chainId)
      await unpack({ digest: blob.digest, diffId: blob.digest, chainId, parent: chain.at(-2) })
      return await this.record(image, { diffId: blob.digest }, lease)
    } finally {
      lease[Symbol.dispose]()
    }
  }

  /**
   * As commit, but `snapshot` itself becomes the layer and is no longer an active one: for build, whose containers and
   * working snapshots end with their step. Its parent must be the parent image's snapshot.
   */
  async adopt(image: NewImage, snapshot: string, options: { signal?: AbortSignal } = {}): Promise<Digest> {
    const hash = createHash('sha256')
    for await (const chunk of this.#differ.diff(snapshot, options)) hash.update(chunk)
    const diffId: Digest = `sha256:${hash.digest('hex')}`
    const lease = this.#leases.take()
    try {
      if (diffId === EMPTY_TAR) {
        await this.#snapshots.remove(snapshot)
        return await this.record(image, undefined, lease)
      }
      const chainId = chainIds([...(image.parent?.config.rootfs.diff_ids ?? []), diffId]).at(-1) ?? diffId
      await lease.hold(chainId)
      if (await this.#snapshots.stat(chainId)) await this.#snapshots.remove(snapshot)
      else await this.#snapshots.commit(chainId, snapshot)
      return await this.record(image, { diffId }, lease)
    } finally {
      lease[Symbol.dispose]()
    }
  }

  /** Writes the config and the record of an image whose layers are all there. */
  async record(
    image: NewImage,
    layer: { diffId: Digest; blob?: Descriptor } | undefined,
    lease: Lease,
  ): Promise<Digest> {
    const created = new Date().toISOString()
    const below = image.parent?.config
    const { os, architecture } = hostPlatform()
    const config: ImageConfig = {
      architecture: image.architecture ?? below?.architecture ?? architecture,
      os: image.os ?? below?.os ?? os,
      ...(below?.variant === undefined ? {} : { variant: below.variant }),
      config: image.config,
      created,
      ...(image.author ? { author: image.author } : {}),
      history: [
        ...(below?.history ?? []),
        {
          created,
          ...(image.createdBy ? { created_by: image.createdBy } : {}),
          ...(image.author ? { author: image.author } : {}),
          ...(image.comment ? { comment: image.comment } : {}),
          ...(layer ? {} : { empty_layer: true }),
        },
      ],
      rootfs: {
        type: 'layers',
        diff_ids: [...(below?.rootfs.diff_ids ?? []), ...(layer ? [layer.diffId] : [])],
      },
    }
    const bytes = Buffer.from(JSON.stringify(config))
    const id: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    await lease.hold(id)
    await this.#content.write(once(bytes), { digest: id })
    const parentId = image.parent?.id
    await this.#store.update((state) => {
      const inherited = parentId === undefined ? [] : (state.images.get(parentId)?.layers ?? [])
      state.images.set(id, {
        id,
        layers: [...inherited, ...(layer ? [layer] : [])],
        manifests: [],
        ...(parentId === undefined ? {} : { parent: parentId }),
        lastTagTime: 0,
      })
    })
    return id
  }

  /** The snapshot's changes as a plain tar in the content store; undefined when there are none. */
  async #pack(
    snapshot: string,
    lease: Lease,
    options: { signal?: AbortSignal },
  ): Promise<Descriptor | undefined> {
    await lease.hold(ALL_BLOBS)
    const written = await this.#content.write(this.#differ.diff(snapshot, options), {}, options)
    await lease.hold(written.digest)
    if (written.digest === EMPTY_TAR) return undefined
    return { mediaType: 'application/vnd.oci.image.layer.v1.tar', ...written }
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
