/** `docker push`: layers that the registry lacks (mounted from a sibling repository where possible), config, manifest. */
import { EngineError, kindOf } from '../../api/errors.ts'
import type { ProgressMessage, RegistryAuth } from '../../api/images.ts'
import type { FileContentStore } from '../content/file-store.ts'
import type { Descriptor, Digest } from '../content/store.ts'
import type { EventBus } from '../events.ts'
import type { LayerDiffer } from '../snapshots/snapshotter.ts'
import { chainIds, sha256, shortId } from './chain.ts'
import { ALL_BLOBS, type Lease, type Leases } from './leases.ts'
import type { Library } from './library.ts'
import { MediaType } from './media-types.ts'
import { counter } from './progress.ts'
import { digestString, familiarName, type Reference, tagString } from './reference.ts'
import type { Registry, Repository } from './registry.ts'
import { manifestOf } from './save.ts'
import { Slots } from './shared-jobs.ts'
import type { ImageRecord, ImageStore } from './store.ts'
import { pushBlob } from './upload.ts'

type Report = (message: ProgressMessage) => void
/** As dockerd's max-concurrent-uploads. */
const MAX_UPLOADS = 5

export class Pusher {
  readonly #registry: Registry
  readonly #store: ImageStore
  readonly #library: Library
  readonly #content: FileContentStore
  readonly #differ: LayerDiffer
  readonly #leases: Leases
  readonly #events: EventBus

  constructor(options: {
    registry: Registry
    store: ImageStore
    library: Library
    content: FileContentStore
    differ: LayerDiffer
    leases: Leases
    events: EventBus
  }) {
    this.#registry = options.registry
    this.#store = options.store
    this.#library = options.library
    this.#content = options.content
    this.#differ = options.differ
    this.#leases = options.leases
    this.#events = options.events
  }

  async push(
    reference: Reference,
    options: { auth?: RegistryAuth | undefined; signal?: AbortSignal | undefined },
    report: Report,
  ): Promise<void> {
    report({ status: `The push refers to repository [${reference.domain}/${reference.path}]` })
    const id = this.#store.state.tags.get(tagString(reference))
    if (!id) throw notHere(reference)
    for (const { diffId } of this.#library.record(id).layers.toReversed()) {
      report({ status: 'Preparing', progressDetail: {}, id: shortId(diffId) })
    }
    const lease = this.#leases.take()
    try {
      await lease.hold(ALL_BLOBS)
      await this.#registry.withRepository(
        reference,
        { ...options, actions: 'push,pull', mirrors: false },
        (repository) => this.#pushTo(repository, reference, id, lease, options.signal, report),
      )
    } catch (error) {
      if (kindOf(error) !== 'unauthenticated') throw error
      throw new EngineError('permission_denied', 'denied: requested access to the resource is denied', {
        cause: error,
        details: { status: 500 },
      })
    } finally {
      lease[Symbol.dispose]()
    }
  }

  async #pushTo(
    repository: Repository,
    reference: Reference,
    id: Digest,
    lease: Lease,
    signal: AbortSignal | undefined,
    report: Report,
  ): Promise<void> {
    const record = this.#library.record(id)
    const slots = new Slots(MAX_UPLOADS)
    const layers = await Promise.all(
      record.layers.map((layer, index) =>
        slots.use(async () => {
          const descriptor = layer.blob ?? (await this.#packed(record, index, lease, signal))
          await this.#pushLayer(repository, descriptor, layer.diffId, signal, report)
          return descriptor
        }, signal),
      ),
    )
    const config = await this.#content.info(id)
    const descriptor: Descriptor = { mediaType: MediaType.OCI_CONFIG, digest: id, size: config?.size ?? 0 }
    await pushBlob(repository, descriptor, () => this.#content.open(id), { signal })
    const { bytes, mediaType } = await this.#manifest(record, descriptor, layers)
    const tag = reference.tag ?? 'latest'
    await repository.putManifest(tag, mediaType, bytes, signal ? { signal } : {})
    const digest = sha256(bytes)
    await this.#store.update((state) => state.digests.set(digestString(reference, digest), id))
    this.#events.publish('image', 'push', tagString(reference), { name: familiarName(reference) })
    report({ status: `${tag}: digest: ${digest} size: ${bytes.length}` })
    report({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: bytes.length } })
  }

  async #pushLayer(
    repository: Repository,
    descriptor: Descriptor,
    diffId: Digest,
    signal: AbortSignal | undefined,
    report: Report,
  ): Promise<void> {
    const id = shortId(diffId)
    const onProgress = counter(report, 'Pushing', id, descriptor.size)
    const outcome = await pushBlob(
      repository,
      descriptor,
      (offset) => this.#content.open(descriptor.digest, offset),
      {
        signal,
        onProgress,
        siblings: this.#siblings(repository.reference, descriptor.digest),
      },
    )
    const said =
      outcome.type === 'mounted'
        ? `Mounted from ${outcome.from}`
        : outcome.type === 'exists'
          ? 'Layer already exists'
          : 'Pushed'
    report({ status: said, progressDetail: {}, id })
  }

  /** The manifest the image was pulled with when it still fits, so that its digest stays; else a new one. */
  async #manifest(
    record: ImageRecord,
    config: Descriptor,
    layers: Descriptor[],
  ): Promise<{ bytes: Uint8Array; mediaType: string }> {
    for (const { digest, mediaType } of record.manifests) {
      if (!(await this.#content.info(digest))) continue
      const bytes = await this.#content.read(digest)
      const text = Buffer.from(bytes).toString()
      if (text.includes(config.digest) && layers.every((layer) => text.includes(layer.digest)))
        return { bytes, mediaType }
    }
    return { bytes: manifestOf(config.digest, config.size, layers), mediaType: MediaType.OCI_MANIFEST }
  }

  /** A layer that was made here, as a blob for the time of the push. */
  async #packed(
    record: ImageRecord,
    index: number,
    lease: Lease,
    signal: AbortSignal | undefined,
  ): Promise<Descriptor> {
    const diffIds = record.layers.map(({ diffId }) => diffId)
    const [chainId, digest] = [chainIds(diffIds)[index], diffIds[index]]
    if (chainId === undefined || digest === undefined)
      throw new EngineError('internal', `image ${record.id}: no layer ${index}`)
    await lease.hold(digest)
    const options = signal ? { signal } : {}
    const written = await this.#content.write(this.#differ.diff(chainId, options), { digest }, options)
    return { mediaType: MediaType.OCI_LAYER, ...written }
  }

  /** Repositories of the same registry whose images have this blob. */
  #siblings(reference: Reference, digest: Digest): string[] {
    const prefix = reference.domain === 'docker.io' ? '' : `${reference.domain}/`
    const found = new Set<string>()
    for (const [name, id] of this.#store.state.digests) {
      const path = name.slice(prefix.length).replace(/@.*$/, '')
      if (!name.startsWith(prefix) || path === reference.path) continue
      if (this.#store.state.images.get(id)?.layers.some(({ blob }) => blob?.digest === digest))
        found.add(path)
    }
    return [...found].slice(0, 3)
  }
}

/** dockerd names no tag here. */
export function notHere(reference: Reference): EngineError {
  return new EngineError(
    'not_found',
    `An image does not exist locally with the tag: ${familiarName(reference)}`,
  )
}
