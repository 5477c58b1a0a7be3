/** The image service: composition of the parts in this folder behind the contract in images.ts. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import type {
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImageSearchResult,
  ImageSummary,
  ImagesPruneResponse,
  ProgressMessage,
  RegistryAuth,
} from '../../api/images.ts'
import type { EngineConfig } from '../../api/slipway.ts'
import { fileChunks } from '../content/chunks.ts'
import type { FileContentStore } from '../content/file-store.ts'
import type { Digest } from '../content/store.ts'
import { writeJson } from '../content/write-json.ts'
import type { EventBus } from '../events.ts'
import type { LayerApplier, LayerDiffer, Snapshotter } from '../snapshots/snapshotter.ts'
import { log } from '../system/log.ts'
import { Committer } from './commit.ts'
import { downloadArchive } from './download.ts'
import { Gate } from './gate.ts'
import { Collector } from './gc.ts'
import type { Filters, ImageService, ImageUsers, ResolvedImage } from './images.ts'
import { importTar } from './import.ts'
import { Layers } from './layers.ts'
import { Leases } from './leases.ts'
import { Library } from './library.ts'
import { Loader } from './load.ts'
import { type Platform, refuseOtherPlatform } from './manifest.ts'
import { ProgressQueue } from './progress.ts'
import { Puller } from './pull.ts'
import { notHere, Pusher } from './push.ts'
import { rebuild } from './rebuild.ts'
import { familiarName, parseReference, parseTagged, tagString } from './reference.ts'
import { Registry } from './registry.ts'
import { RegistryHttp } from './registry-http.ts'
import { inspectDistribution, listTags, login, searchImages } from './registry-queries.ts'
import { Remover } from './remove.ts'
import { Saver } from './save.ts'
import { ImageStore } from './store.ts'

/** The user's own machine as QEMU's user network shows it: where `localhost:5000` is for them. */
const HOST_LOOPBACK = '10.0.2.2'

export interface ImagesOptions {
  content: FileContentStore
  snapshots: Snapshotter
  applier: LayerApplier
  differ: LayerDiffer
  /** Directory for `images.json`. */
  root: string
  config: () => EngineConfig
  events: EventBus
  users: ImageUsers
  /** Undefined where the user's loopback is our own (tests). */
  hostLoopback?: string | undefined
}

export class Images implements ImageService, AsyncDisposable {
  readonly registry: Registry
  readonly library: Library
  readonly #http: RegistryHttp
  readonly #store: ImageStore
  readonly #layers: Layers
  readonly #leases = new Leases()
  readonly #gate = new Gate()
  readonly #root: string
  readonly #collector: Collector
  readonly #puller: Puller
  readonly #pusher: Pusher
  readonly #loader: Loader
  readonly #saver: Saver
  readonly #remover: Remover
  readonly #committer: Committer
  readonly #content: FileContentStore
  readonly #snapshots: Snapshotter
  readonly #events: EventBus
  /** The images that come with the system, on the very first start. */
  #builtIn: Promise<void> = Promise.resolve()

  constructor(options: ImagesOptions) {
    const { content, snapshots, events, config, users } = options
    this.#content = content
    this.#snapshots = snapshots
    this.#root = options.root
    this.#events = events
    this.#http = new RegistryHttp({
      config,
      hostLoopback: 'hostLoopback' in options ? options.hostLoopback : HOST_LOOPBACK,
    })
    this.registry = new Registry({ http: this.#http, config })
    this.#store = new ImageStore(join(options.root, 'images.json'))
    const parts = { ...options, store: this.#store, leases: this.#leases, registry: this.registry }
    this.library = new Library(parts)
    this.#layers = new Layers(options)
    this.#collector = new Collector({ ...parts, snapshots })
    const more = { ...parts, layers: this.#layers, library: this.library, collector: this.#collector, users }
    this.#puller = new Puller(more)
    this.#pusher = new Pusher(more)
    this.#loader = new Loader(more)
    this.#saver = new Saver(more)
    this.#remover = new Remover(more)
    this.#committer = new Committer(more)
  }

  /**
   * Reads what is on disk and drops what a killed run left half-made. Calls that come before wait for it; a failure is
   * theirs too.
   */
  async open(): Promise<void> {
    try {
      const { damaged } = await this.#store.load()
      if (damaged) {
        const count = await rebuild({
          store: this.#store,
          content: this.#content,
          snapshots: this.#snapshots,
        })
        log(
          `images.json was damaged and is kept as images.json.damaged: ${count} images are back, without names`,
        )
      }
      await this.#collector.recover()
      this.#gate.open()
    } catch (error) {
      this.#gate.fail(error)
      throw error
    }
  }

  /** Loads the archive's images unless they were here once: a user who deleted them does not want them back. */
  async loadOnce(archive: string, name: string): Promise<void> {
    const loaded = this.#loadOnce(archive, name)
    this.#builtIn = loaded.catch(() => undefined)
    await loaded
  }

  async #loadOnce(archive: string, name: string): Promise<void> {
    await this.#gate.passed
    const marker = join(this.#root, `${name}.loaded`)
    if ((await exists(marker)) || !(await exists(archive))) return
    await this.#loader.load(fileChunks(archive), () => undefined, {})
    await writeJson(marker, { version: 1 })
  }

  /** An image that is not here may be one that is still being loaded: then this waits for it, and asks again. */
  async #present<T>(ask: () => T | Promise<T>): Promise<T> {
    await this.#gate.passed
    try {
      return await ask()
    } catch (error) {
      if (kindOf(error) !== 'not_found') throw error
      await this.#builtIn
      return ask()
    }
  }

  async resolve(reference: string): Promise<ResolvedImage> {
    return this.#present(() => this.library.resolve(reference))
  }

  async list(options: { all?: boolean; filters?: Filters; sharedSize?: boolean }): Promise<ImageSummary[]> {
    await this.#gate.passed
    return this.library.list(options)
  }

  async madeFrom(reference: string): Promise<Digest[]> {
    await this.#gate.passed
    return this.library.madeFrom(reference)
  }

  /** not_found when the image is for another platform. */
  async checkPlatform(reference: string, platform: Platform): Promise<void> {
    const { config } = await this.resolve(reference)
    refuseOtherPlatform(reference, platform, config)
  }

  async inspect(reference: string): Promise<ImageInspect> {
    return this.#present(() => this.library.inspect(reference))
  }

  async history(reference: string): Promise<ImageHistoryItem[]> {
    return this.#present(() => this.library.history(reference))
  }

  /** Bytes of all layers, each once. */
  async layersSize(): Promise<number> {
    await this.#gate.passed
    return this.library.layersSize()
  }

  exists(id: Digest): boolean {
    return this.#store.state.images.has(id)
  }

  /** Ids of all images with a name or below one. */
  inUse(): Set<Digest> {
    const { images, tags, digests } = this.#store.state
    const used = new Set<Digest>()
    for (const id of [...tags.values(), ...digests.values()]) {
      for (let next: Digest | undefined = id; next && !used.has(next); next = images.get(next)?.parent)
        used.add(next)
    }
    return used
  }

  /** From now on an image like others, also without a name: the result of a build. */
  async reveal(id: Digest): Promise<void> {
    if (!this.#store.state.images.get(id)?.buildCache) return
    await this.#store.update(({ images }) => {
      const record = images.get(id)
      if (record) record.buildCache = undefined
    })
  }

  /** Images that are the build cache's own. */
  buildCacheOnly(): Digest[] {
    return [...this.#store.state.images.values()].flatMap(({ id, buildCache }) => (buildCache ? id : []))
  }

  async tag(reference: string, target: string): Promise<void> {
    const id = await this.#present(() => this.#sourceOf(reference))
    const parsed = parseReference(target)
    if (parsed.digest !== undefined)
      throw new EngineError('invalid_argument', 'refusing to create a tag with a digest reference')
    const name = tagString(parsed)
    await this.#store.update((state) => {
      state.tags.set(name, id)
      const record = state.images.get(id)
      if (record) {
        record.lastTagTime = Date.now()
        record.buildCache = undefined
      }
    })
    this.#events.publish('image', 'tag', id, { name })
  }

  /** dockerd says of a name that cannot be one that there is no such image, by its status. */
  #sourceOf(reference: string): Digest {
    try {
      return this.library.find(reference)
    } catch (error) {
      throw new EngineError('not_found', messageOf(error), { cause: error })
    }
  }

  async remove(
    reference: string,
    options: { force?: boolean; noPrune?: boolean },
  ): Promise<ImageDeleteItem[]> {
    await this.#gate.passed
    return this.#remover.remove(reference, options)
  }

  async prune(filters: Filters): Promise<ImagesPruneResponse> {
    await this.#gate.passed
    return this.#remover.prune(filters)
  }

  async *pull(
    reference: string,
    options: { auth?: RegistryAuth; platform?: string; all?: boolean; signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage> {
    await this.#gate.passed
    const parsed = parseTagged(reference)
    const queue = new ProgressQueue()
    const report = (message: ProgressMessage) => queue.push(message)
    const { tag: _tag, ...untagged } = parsed
    const work = async () => {
      const tags = options.all
        ? await this.registry.withRepository({ ...untagged, tag: undefined }, options, (repository) =>
            repository.tags(options),
          )
        : [parsed.tag]
      for (const tag of tags) await this.#puller.pull({ ...parsed, tag }, options, report)
    }
    yield* queue.during(this.#undoing(work, options.signal))
  }

  async *push(
    reference: string,
    options: { auth?: RegistryAuth; all?: boolean; signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage> {
    await this.#gate.passed
    const parsed = parseTagged(reference)
    const queue = new ProgressQueue()
    const prefix = `${familiarName(parsed)}:`
    const tags = options.all
      ? [...this.#store.state.tags.keys()]
          .filter((name) => name.startsWith(prefix))
          .map((name) => name.slice(prefix.length))
      : [parsed.tag]
    const work = async () => {
      if (tags.length === 0) {
        queue.push({ status: `The push refers to repository [${parsed.domain}/${parsed.path}]` })
        throw notHere(parsed)
      }
      for (const tag of tags)
        await this.#pusher.push({ ...parsed, tag }, options, (message) => queue.push(message))
    }
    yield* queue.during(this.#undoing(work, undefined))
  }

  async *load(
    tar: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage> {
    await this.#gate.passed
    const queue = new ProgressQueue()
    const work = () => this.#loader.load(tar, (message) => queue.push(message), options)
    yield* queue.during(this.#undoing(work, options.signal))
  }

  async *save(references: string[], options: { signal?: AbortSignal }): AsyncIterable<Uint8Array> {
    await this.#gate.passed
    yield* this.#saver.save(references, options)
    for (const reference of references)
      this.#events.publish('image', 'save', this.library.find(reference), { name: reference })
  }

  async import(
    tar: AsyncIterable<Uint8Array>,
    options: {
      reference?: string
      message?: string
      changes?: string[]
      platform?: string
      signal?: AbortSignal
    },
  ): Promise<Digest> {
    await this.#gate.passed
    const id = await importTar(
      { content: this.#content, layers: this.#layers, leases: this.#leases, committer: this.#committer },
      tar,
      options,
    )
    if (options.reference) await this.tag(id, options.reference)
    this.#events.publish('image', 'import', id, { name: id })
    return id
  }

  /** `import` as a stream: of the archive itself, or of the one that is found at a URL. */
  async *importArchive(
    source: AsyncIterable<Uint8Array> | string,
    options: Parameters<ImageService['import']>[1] & { signal: AbortSignal },
  ): AsyncIterable<ProgressMessage> {
    const queue = new ProgressQueue()
    const report = (message: ProgressMessage) => queue.push(message)
    const work = async () => {
      const remote = typeof source === 'string'
      const tar = remote ? downloadArchive(source, report, options.signal) : source
      const message = options.message ?? (remote ? `Imported from ${source}` : undefined)
      report({
        status: await this.import(tar, { ...options, ...(message === undefined ? {} : { message }) }),
      })
    }
    yield* queue.during(work())
  }

  async search(
    term: string,
    options: { auth?: RegistryAuth; limit?: number; filters?: Filters; signal?: AbortSignal },
  ): Promise<ImageSearchResult[]> {
    return searchImages(this.registry, term, options)
  }

  async distribution(reference: string, options: { auth?: RegistryAuth; signal?: AbortSignal }) {
    return inspectDistribution(this.registry, parseTagged(reference), options)
  }

  /** The tags that the image's registry lists. */
  async registryTags(
    name: string,
    options: { auth?: RegistryAuth; signal?: AbortSignal },
  ): Promise<string[]> {
    return listTags(this.registry, parseTagged(name), options)
  }

  async login(auth: RegistryAuth, options: { signal?: AbortSignal }) {
    return login(this.registry, auth, options)
  }

  async commit(options: Parameters<ImageService['commit']>[0]): Promise<Digest> {
    await this.#gate.passed
    const signal = options.signal ? { signal: options.signal } : {}
    const id =
      options.adopt && options.snapshot !== undefined
        ? await this.#committer.adopt(options, options.snapshot, signal)
        : await this.#committer.commit(options, options.snapshot, signal)
    if (options.reference) await this.tag(id, options.reference)
    return id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]()
  }

  /** A cancelled pull or load leaves nothing; one that broke off keeps its verified blobs for the next try. */
  async #undoing(work: () => Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (signal?.aborted || kindOf(error) === 'cancelled') await this.#collector.collect()
      throw error
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
