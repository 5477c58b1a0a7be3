/** The read side of images: resolve, list, inspect, history, in Docker's shapes. */
import { EngineError, kindOf } from '../../api/errors.ts'
import type { ImageHistoryItem, ImageInspect, ImageSummary } from '../../api/images.ts'
import type { ContentStore, Digest } from '../content/store.ts'
import type { Snapshotter } from '../snapshots/snapshotter.ts'
import { chainIds } from './chain.ts'
import { type Candidate, matchesFilters } from './filters.ts'
import type { Filters, ImageConfig, ImageUsers, ResolvedImage } from './images.ts'
import { parseConfig } from './manifest.ts'
import { digestString, familiarString, parseReference, parseTagged, tagString } from './reference.ts'
import type { ImageRecord, ImageStore } from './store.ts'

const NEVER = '0001-01-01T00:00:00Z'

export class Library {
  readonly #store: ImageStore
  readonly #content: ContentStore
  readonly #snapshots: Snapshotter
  readonly #users: ImageUsers
  readonly #configs = new Map<Digest, ImageConfig>()

  constructor(options: {
    store: ImageStore
    content: ContentStore
    snapshots: Snapshotter
    users: ImageUsers
  }) {
    this.#store = options.store
    this.#content = options.content
    this.#snapshots = options.snapshots
    this.#users = options.users
  }

  /** The image and all that were built on it; none where it is not here. */
  madeFrom(reference: string): Digest[] {
    let first: Digest
    try {
      first = this.find(reference)
    } catch (error) {
      if (kindOf(error) === 'not_found') return []
      throw error
    }
    const { images } = this.#store.state
    const found = new Set([first])
    // Grows while it is gone through.
    for (const id of found) for (const image of images.values()) if (image.parent === id) found.add(image.id)
    return [...found]
  }

  /** The id a user means: a full id, a name, or a unique prefix of an id. not_found in Docker's words. */
  find(text: string): Digest {
    const { images, tags, digests } = this.#store.state
    const bare = text.replace(/^sha256:/, '')
    if (/^[0-9a-f]{64}$/.test(bare)) {
      if (images.has(`sha256:${bare}`)) return `sha256:${bare}`
      throw new EngineError('not_found', `No such image: ${text}`)
    }
    if (!text.startsWith('sha256:')) {
      const reference = parseReference(text)
      const named =
        (reference.digest && digests.get(digestString(reference, reference.digest))) ??
        (reference.digest === undefined || reference.tag !== undefined
          ? tags.get(tagString(reference))
          : undefined)
      if (
        named &&
        (reference.digest === undefined || digests.get(digestString(reference, reference.digest)) === named)
      ) {
        return named
      }
    }
    const byPrefix = /^[0-9a-f]{1,64}$/.test(bare)
      ? [...images.keys()].filter((id) => id.startsWith(`sha256:${bare}`))
      : []
    if (byPrefix.length === 1 && byPrefix[0]) return byPrefix[0]
    if (byPrefix.length > 1) {
      throw new EngineError(
        'not_found',
        `No such image: ${text}: ambiguous prefix: ${byPrefix.length} images begin with it`,
      )
    }
    throw new EngineError(
      'not_found',
      `No such image: ${text.startsWith('sha256:') ? text : familiarString(parseTagged(text))}`,
    )
  }

  record(id: Digest): ImageRecord {
    const record = this.#store.state.images.get(id)
    if (!record) throw new EngineError('not_found', `No such image: ${id}`)
    return record
  }

  async config(id: Digest): Promise<ImageConfig> {
    const known = this.#configs.get(id)
    if (known) return known
    const config = parseConfig(await this.#content.read(id), id)
    this.#configs.set(id, config)
    return config
  }

  forget(id: Digest): void {
    this.#configs.delete(id)
  }

  async resolve(text: string): Promise<ResolvedImage> {
    const id = this.find(text)
    const config = await this.config(id)
    return { id, config, snapshot: chainIds(config.rootfs.diff_ids).at(-1) }
  }

  async list(options: { all?: boolean; filters?: Filters; sharedSize?: boolean }): Promise<ImageSummary[]> {
    const filters = options.filters ?? {}
    const candidates = await this.candidates()
    const parents = new Set([...this.#store.state.images.values()].map(({ parent }) => parent))
    const matches = matchesFilters(filters, candidates, (text) => this.find(text))
    const shared = options.sharedSize ? await this.#sharedSizes() : undefined
    const summaries: ImageSummary[] = []
    for (const candidate of candidates) {
      const kept = matches(candidate)
      const record = this.#store.state.images.get(candidate.id)
      if (!kept || !record) continue
      const nameless = kept.tags.length === 0 && kept.digests.length === 0
      const intermediate = nameless && (parents.has(candidate.id) || record.buildCache)
      if (intermediate && !options.all) continue
      summaries.push({
        Id: candidate.id,
        ParentId: record.parent ?? '',
        RepoTags: kept.tags,
        RepoDigests: kept.digests,
        Created: Math.floor(candidate.created / 1000),
        Size: await this.#sizeOf(candidate.config),
        SharedSize: shared?.get(candidate.id) ?? -1,
        Labels: candidate.config.config?.Labels ?? null,
        Containers: options.sharedSize ? this.#users(candidate.id).length : -1,
      })
    }
    return summaries.sort((a, b) => b.Created - a.Created)
  }

  async inspect(text: string): Promise<ImageInspect> {
    const { id, config, snapshot } = await this.resolve(text)
    const record = this.record(id)
    return {
      Id: id,
      RepoTags: this.#store.tagsOf(id),
      RepoDigests: this.#store.digestsOf(id),
      Parent: record.parent ?? '',
      Comment: config.history?.at(-1)?.comment ?? '',
      Created: config.created ?? '',
      DockerVersion: config.docker_version ?? '',
      Author: config.author ?? '',
      Config: {
        User: '',
        Env: null,
        Cmd: null,
        Entrypoint: null,
        Volumes: null,
        WorkingDir: '',
        OnBuild: null,
        Labels: null,
        ...config.config,
      },
      Architecture: config.architecture,
      ...(config.variant === undefined ? {} : { Variant: config.variant }),
      Os: config.os,
      Size: await this.size(id),
      GraphDriver: { Name: 'overlay2', Data: await this.#graphData(snapshot) },
      RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
      Metadata: {
        LastTagTime: record.lastTagTime === 0 ? NEVER : new Date(record.lastTagTime).toISOString(),
      },
    }
  }

  async history(text: string): Promise<ImageHistoryItem[]> {
    const { id, config } = await this.resolve(text)
    const chain = chainIds(config.rootfs.diff_ids)
    const items: ImageHistoryItem[] = []
    let layer = 0
    for (const entry of config.history ?? []) {
      const chainId = entry.empty_layer ? undefined : chain[layer++]
      items.unshift({
        Id: '<missing>',
        Created: entry.created ? Math.floor(Date.parse(entry.created) / 1000) : 0,
        CreatedBy: entry.created_by ?? '',
        Tags: null,
        Size: chainId === undefined ? 0 : await this.#layerSize(chainId),
        Comment: entry.comment ?? '',
      })
    }
    let owner: Digest | undefined = id
    for (const item of items) {
      if (owner === undefined) break
      item.Id = owner
      const tags = this.#store.tagsOf(owner)
      item.Tags = tags.length > 0 ? tags : null
      owner = this.#store.state.images.get(owner)?.parent
    }
    return items
  }

  /** Bytes of all its layers together. */
  async size(id: Digest): Promise<number> {
    return this.#sizeOf(await this.config(id))
  }

  async #sizeOf(config: ImageConfig): Promise<number> {
    let size = 0
    for (const chainId of chainIds(config.rootfs.diff_ids)) {
      size += await this.#layerSize(chainId)
    }
    return size
  }

  async candidates(): Promise<Candidate[]> {
    const candidates: Candidate[] = []
    for (const [id, config] of await this.#allConfigs()) {
      const created = config.created === undefined ? 0 : Date.parse(config.created) || 0
      candidates.push({
        id,
        config,
        created,
        tags: this.#store.tagsOf(id),
        digests: this.#store.digestsOf(id),
      })
    }
    return candidates
  }

  /** Bytes of all layers of all images, each once. */
  async layersSize(): Promise<number> {
    const chains = new Set<Digest>()
    for (const [, config] of await this.#allConfigs()) {
      for (const chainId of chainIds(config.rootfs.diff_ids)) chains.add(chainId)
    }
    let size = 0
    for (const chainId of chains) size += await this.#layerSize(chainId)
    return size
  }

  /** Nothing for a layer that went while its image was looked at. */
  async #layerSize(chainId: Digest): Promise<number> {
    try {
      return (await this.#snapshots.usage(chainId)).size
    } catch (error) {
      if (kindOf(error) === 'not_found') return 0
      throw error
    }
  }

  /** Every image with its config; those that go meanwhile are left out. */
  async #allConfigs(): Promise<[Digest, ImageConfig][]> {
    const found: [Digest, ImageConfig][] = []
    for (const id of [...this.#store.state.images.keys()]) {
      try {
        found.push([id, await this.config(id)])
      } catch (error) {
        if (kindOf(error) !== 'not_found') throw error
      }
    }
    return found.filter(([id]) => this.#store.state.images.has(id))
  }

  async #sharedSizes(): Promise<Map<Digest, number>> {
    const users = new Map<Digest, Digest[]>()
    for (const [id, config] of await this.#allConfigs()) {
      for (const chainId of chainIds(config.rootfs.diff_ids)) {
        users.set(chainId, [...(users.get(chainId) ?? []), id])
      }
    }
    const shared = new Map<Digest, number>([...this.#store.state.images.keys()].map((id) => [id, 0]))
    for (const [chainId, ids] of users) {
      if (ids.length < 2) continue
      const size = await this.#layerSize(chainId)
      for (const id of ids) shared.set(id, (shared.get(id) ?? 0) + size)
    }
    return shared
  }

  async #graphData(snapshot: string | undefined): Promise<Record<string, string>> {
    if (snapshot === undefined) return {}
    const [upper = '', ...lower] = await this.#snapshots.layerDirs(snapshot)
    return { UpperDir: upper, ...(lower.length > 0 ? { LowerDir: lower.join(':') } : {}) }
  }
}
