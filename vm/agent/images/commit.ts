/** New images made here: of a container's changes (commit, build) or of a tar (import). */
import { createHash } from 'node:crypto'
import type { ContainerConfig } from '../../api/containers.ts'
import { kindOf } from '../../api/errors.ts'
import type { FileContentStore } from '../content/file-store.ts'
import type { Descriptor, Digest } from '../content/store.ts'
import type { LayerApplier, Snapshotter } from '../snapshots/snapshotter.ts'
import { chainIds } from './chain.ts'
import type { ImageConfig, ResolvedImage } from './images.ts'
import { EMPTY_TAR, type Layers } from './layers.ts'
import type { Lease, Leases } from './leases.ts'
import { hostPlatform } from './platform.ts'
import type { ImageStore } from './store.ts'

export interface NewImage {
  parent: ResolvedImage | undefined
  config: ContainerConfig
  author?: string | undefined
  comment?: string | undefined
  createdBy?: string | undefined
  buildCache?: boolean | undefined
  architecture?: string
  os?: string
}

export class Committer {
  readonly #content: FileContentStore
  readonly #applier: LayerApplier
  readonly #layers: Layers
  readonly #snapshots: Snapshotter
  readonly #store: ImageStore
  readonly #leases: Leases

  constructor(options: {
    content: FileContentStore
    applier: LayerApplier
    layers: Layers
    snapshots: Snapshotter
    store: ImageStore
    leases: Leases
  }) {
    this.#content = options.content
    this.#applier = options.applier
    this.#layers = options.layers
    this.#snapshots = options.snapshots
    this.#store = options.store
    this.#leases = options.leases
  }

  /**
   * Image of the changes in `snapshot` (none: only the config changes). The snapshot itself is left alone, since a
   * container goes on writing into its own: its content is copied into a layer.
   */
  async commit(
    image: NewImage,
    snapshot: string | undefined,
    options: { signal?: AbortSignal } = {},
  ): Promise<Digest> {
    const lease = this.#leases.take()
    try {
      const below = image.parent?.config.rootfs.diff_ids ?? []
      const diffId =
        snapshot === undefined ? undefined : await this.#layers.copy(snapshot, below, lease, options)
      return await this.record(image, diffId === undefined ? undefined : { diffId }, lease)
    } finally {
      lease[Symbol.dispose]()
    }
  }

  /**
   * As commit, but `snapshot` itself becomes the layer and is no longer an active one: for build, whose containers and
   * working snapshots end with their step. Its parent must be the parent image's snapshot.
   */
  async adopt(image: NewImage, snapshot: string, options: { signal?: AbortSignal } = {}): Promise<Digest> {
    const { diffId } = await this.#applier.digest(snapshot, options)
    const lease = this.#leases.take()
    try {
      if (diffId === EMPTY_TAR) {
        await this.#snapshots.remove(snapshot)
        return await this.record(image, undefined, lease)
      }
      const chainId = chainIds([...(image.parent?.config.rootfs.diff_ids ?? []), diffId]).at(-1) ?? diffId
      await lease.hold(chainId)
      try {
        await this.#snapshots.commit(chainId, snapshot)
      } catch (error) {
        // The same layer was there, or another build has just made it.
        if (kindOf(error) !== 'already_exists') throw error
        await this.#snapshots.remove(snapshot)
      }
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
    await this.#holdParent(image.parent, lease)
    await this.#store.update((state) => {
      const parent = image.parent && state.images.get(image.parent.id)
      const bare = (below?.rootfs.diff_ids ?? []).map((diffId) => ({ diffId }))
      const inherited = parent?.layers ?? bare
      state.images.set(id, {
        id,
        layers: [...inherited, ...(layer ? [layer] : [])],
        manifests: [],
        ...(parent ? { parent: parent.id } : {}),
        lastTagTime: 0,
        ...(image.buildCache ? { buildCache: true } : {}),
      })
    })
    return id
  }

  /**
   * The parent may have been removed since it was looked up; its layers then are there as long as something stands on
   * them. not_found when they are not.
   */
  async #holdParent(parent: ResolvedImage | undefined, lease: Lease): Promise<void> {
    if (!parent) return
    const chain = chainIds(parent.config.rootfs.diff_ids)
    await lease.hold(...chain)
    if (this.#store.state.images.has(parent.id)) return
    for (const name of chain) await this.#snapshots.usage(name)
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
