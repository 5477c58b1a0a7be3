/**
 * Garbage collection: blobs that no image names, layers that no image and no container stands on, half-made
 * snapshots of a former run. What is leased or in use stays: a lease is checked for each thing right before it goes,
 * and the snapshotter itself refuses to remove a parent.
 */
import { kindOf } from '../../api/errors.ts'
import type { ContentStore, Digest } from '../content/store.ts'
import type { Snapshotter } from '../snapshots/snapshotter.ts'
import { chainIds } from './chain.ts'
import { UNPACK_PREFIX } from './layers.ts'
import { ALL_BLOBS, type Leases } from './leases.ts'
import type { ImageStore } from './store.ts'

export interface Swept {
  /** Chain IDs of the layers that went, top first. */
  layers: Digest[]
  /** Bytes of layer content that were freed. */
  reclaimed: number
}

export class Collector {
  readonly #store: ImageStore
  readonly #content: ContentStore
  readonly #snapshots: Snapshotter
  readonly #leases: Leases

  constructor(options: {
    store: ImageStore
    content: ContentStore
    snapshots: Snapshotter
    leases: Leases
  }) {
    this.#store = options.store
    this.#content = options.content
    this.#snapshots = options.snapshots
    this.#leases = options.leases
  }

  /** Frees everything that nothing names. */
  collect(): Promise<Swept> {
    return this.#leases.sweep(async () => {
      const swept = await this.#sweepSnapshots()
      await this.#sweepBlobs()
      return swept
    })
  }

  /** At start: also the unfinished snapshots that a killed run left. Before any pull. */
  async recover(): Promise<void> {
    for await (const { name, kind } of this.#snapshots.walk()) {
      if (kind === 'active' && name.startsWith(UNPACK_PREFIX)) await this.#snapshots.remove(name)
    }
    await this.collect()
  }

  async #sweepSnapshots(): Promise<Swept> {
    const wanted = new Set<string>()
    for (const image of this.#store.state.images.values()) {
      for (const chainId of chainIds(image.layers.map(({ diffId }) => diffId))) wanted.add(chainId)
    }
    const rubbish: { name: string; parent: string | undefined }[] = []
    for await (const info of this.#snapshots.walk()) {
      const isLayer = info.kind === 'committed' && info.name.startsWith('sha256:')
      if (isLayer && !wanted.has(info.name)) rubbish.push(info)
    }
    const swept: Swept = { layers: [], reclaimed: 0 }
    for (const { name } of childrenFirst(rubbish)) {
      if (this.#leases.isHeld(name)) continue
      const { size } = await this.#snapshots.usage(name)
      if (await this.#removeSnapshot(name)) {
        swept.layers.push(name as Digest)
        swept.reclaimed += size
      }
    }
    return swept
  }

  /** False when something stands on it. */
  async #removeSnapshot(name: string): Promise<boolean> {
    try {
      await this.#snapshots.remove(name)
      return true
    } catch (error) {
      if (kindOf(error) === 'conflict') return false
      throw error
    }
  }

  async #sweepBlobs(): Promise<void> {
    const wanted = new Set<string>()
    for (const image of this.#store.state.images.values()) {
      wanted.add(image.id)
      for (const { blob } of image.layers) if (blob) wanted.add(blob.digest)
      for (const { digest } of image.manifests) wanted.add(digest)
    }
    for await (const { digest } of this.#content.walk()) {
      if (this.#leases.isHeld(ALL_BLOBS)) return
      if (!wanted.has(digest) && !this.#leases.isHeld(digest)) await this.#content.delete(digest)
    }
  }
}

function childrenFirst<T extends { name: string; parent: string | undefined }>(list: T[]): T[] {
  const byName = new Map(list.map((info) => [info.name, info]))
  const depth = (info: T): number => {
    const parent = info.parent === undefined ? undefined : byName.get(info.parent)
    return parent ? depth(parent) + 1 : 0
  }
  return list
    .map((info) => ({ info, depth: depth(info) }))
    .sort((a, b) => b.depth - a.depth)
    .map(({ info }) => info)
}
