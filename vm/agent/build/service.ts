/** The build service: builds by either door, the build cache in `df`, `POST /build/prune`. */
import { randomUUID } from 'node:crypto'
import { mkdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import type { ProgressMessage } from '../../api/images.ts'
import type { BuildCacheRecord } from '../../api/system.ts'
import type { Digest } from '../content/store.ts'
import type { EventBus } from '../events.ts'
import { shortId } from '../images/chain.ts'
import type { Filters, ImageService, ResolvedImage } from '../images/images.ts'
import { ProgressQueue } from '../images/progress.ts'
import { parseReference, tagString } from '../images/reference.ts'
import type { Kernel } from '../linux/kernel.ts'
import type { Snapshotter } from '../snapshots/snapshotter.ts'
import type { BuildContainers } from './backend.ts'
import { Build, type BuilderParts } from './builder.ts'
import { BuildkitDoor } from './buildkit/door.ts'
import { BuildCache, type CacheEntry } from './cache.ts'
import { CacheMounts } from './cache-mounts.ts'
import { ClassicTeller } from './classic-teller.ts'
import { BuildContext } from './context.ts'
import { type KeptContext, KeptContexts } from './kept-contexts.ts'
import type { BuildOptions } from './options.ts'
import { meets, pruneChoice } from './prune-filters.ts'
import { bytesToKeep, lastUseOf, leastRecent, type PruneWish, type SpaceWish } from './prune-space.ts'
import { BUILD_PREFIX, RootFilesystems } from './rootfs.ts'
import { BUILD_LABEL } from './run-step.ts'
import { ScratchFiles } from './scratch.ts'
import type { ContextFiles } from './sources.ts'
import type { BuildTeller } from './teller.ts'

/** What builds need of images beyond the service: cheap looks at the metadata. */
export interface BuildImages extends ImageService {
  exists(id: Digest): boolean
  /** It is a result, also without a name. */
  reveal(id: Digest): Promise<void>
  /** Images that are nobody's but the build cache's. */
  buildCacheOnly(): Digest[]
  /** Ids of all images with a name or on the way down from one. */
  inUse(): Set<Digest>
  /** Bytes of all layers, each once. */
  layersSize(): Promise<number>
}

const CACHE_MOUNT = 'exec.cachemount'

export class Builds {
  readonly #images: BuildImages
  readonly #snapshots: Snapshotter
  readonly #containers: BuildContainers
  readonly #kernel: Kernel
  readonly #events: EventBus
  readonly #root: string
  readonly #cache: BuildCache
  readonly #rootfs: RootFilesystems
  readonly #caches: CacheMounts
  readonly #kept: KeptContexts
  readonly #scratch: ScratchFiles
  /** `POST /grpc` and `POST /session`. */
  readonly buildkit: BuildkitDoor
  /** When the builds that are under way began, in milliseconds since the epoch. */
  readonly #running = new Set<{ at: number }>()
  #recovered: Promise<void> | undefined

  constructor(options: {
    images: BuildImages
    snapshots: Snapshotter
    containers: BuildContainers
    kernel: Kernel
    events: EventBus
    root: string
    /** Below it is what must not reach a disk. */
    runDir: string
    log: (text: string) => void
  }) {
    this.#images = options.images
    this.#snapshots = options.snapshots
    this.#containers = options.containers
    this.#kernel = options.kernel
    this.#events = options.events
    this.#root = options.root
    this.#cache = new BuildCache(join(options.root, 'cache.json'))
    this.#caches = new CacheMounts(join(options.root, 'caches'))
    this.#kept = new KeptContexts(join(options.root, 'kept-contexts'))
    this.#scratch = new ScratchFiles(join(options.runDir, 'scratch'))
    this.#rootfs = new RootFilesystems({ ...options, root: join(options.root, 'mounts') })
    this.buildkit = new BuildkitDoor(
      {
        build: (...args) => this.#solve(...args),
        ready: () => this.#ready(),
        kept: this.#kept,
        contextPath: () => join(this.#root, 'contexts', randomUUID()),
        scratch: this.#scratch,
        kernel: this.#kernel,
        rootfs: this.#rootfs,
        publish: (...args) => this.#publish(...args),
        records: () => this.records(),
        prune: (wish) => this.#prune(wish),
      },
      options.log,
    )
  }

  /** Refusals of the request itself are thrown before the first message; what a step does wrong ends the stream. */
  async *build(
    tar: AsyncIterable<Uint8Array>,
    options: BuildOptions,
    { signal }: { signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage> {
    const tags = options.tags.map((tag) => tagString(parseReference(tag)))
    const given = signal ? { signal } : {}
    await this.#ready()
    const context = await BuildContext.receive(tar, join(this.#root, 'contexts'), this.#kernel, given)
    let said = false
    try {
      const dockerfile = await context.dockerfile(options.dockerfile)
      const queue = new ProgressQueue()
      const teller = new ClassicTeller((message) => queue.push(message), options)
      const work = this.#run(context, dockerfile, options, { teller, signal })
      for await (const message of queue.during(work)) {
        said = true
        yield message
      }
      yield* this.#finish((await work).id, tags, options)
    } catch (error) {
      // The client exits with the code it is told: only that of a RUN step is one.
      const exitCode = error instanceof EngineError ? error.details?.['exitCode'] : undefined
      if (!said) throw error
      const code = typeof exitCode === 'number' ? { code: exitCode } : {}
      yield { errorDetail: { ...code, message: messageOf(error) }, error: messageOf(error) }
    } finally {
      await context[Symbol.asyncDispose]()
    }
  }

  #parts(context: ContextFiles): BuilderParts {
    return {
      context,
      images: this.#images,
      cache: this.#cache,
      caches: this.#caches,
      scratch: this.#scratch,
      rootfs: this.#rootfs,
      kernel: this.#kernel,
      snapshots: this.#snapshots,
      containers: this.#containers,
      exists: (id: Digest) => this.#images.exists(id),
    }
  }

  /** `POST /build?version=2`: the context comes with the request, or by the session (`tar` undefined). */
  async *buildkitBuild(
    tar: AsyncIterable<Uint8Array> | undefined,
    options: BuildOptions,
    { ref, sessionId, signal }: { ref: string; sessionId: string; signal: AbortSignal },
  ): AsyncIterable<ProgressMessage> {
    for (const tag of options.tags) parseReference(tag)
    await this.#ready()
    const root = join(this.#root, 'contexts')
    await using context = tar ? await BuildContext.receive(tar, root, this.#kernel, { signal }) : undefined
    yield* this.buildkit.http({ ref, sessionId, options, context }, signal)
  }

  /** One build for a client that speaks BuildKit's protocol. */
  async #solve(
    context: ContextFiles,
    dockerfile: string,
    options: BuildOptions,
    { teller, signal }: { teller: BuildTeller; signal: AbortSignal },
  ): Promise<ResolvedImage> {
    await this.#ready()
    return this.#run(context, dockerfile, options, { teller, signal })
  }

  async #run(
    context: ContextFiles,
    dockerfile: string,
    options: BuildOptions,
    { teller, signal }: { teller: BuildTeller; signal: AbortSignal | undefined },
  ): Promise<ResolvedImage> {
    const begun = { at: Date.now() }
    this.#running.add(begun)
    try {
      return await new Build(this.#parts(context), options, teller, signal).run(dockerfile)
    } finally {
      this.#running.delete(begun)
    }
  }

  async #publish({ id }: ResolvedImage, names: readonly string[]): Promise<void> {
    const tags = names.map((name) => tagString(parseReference(name)))
    await this.#images.reveal(id)
    for (const tag of tags) await this.#images.tag(id, tag)
    this.#events.publish('builder', 'build', id, { name: tags[0] ?? id })
  }

  /** Cache records for `docker system df`. */
  async records(): Promise<BuildCacheRecord[]> {
    await this.#ready()
    const inUse = this.#images.inUse()
    const records: BuildCacheRecord[] = []
    const entries = await this.#cache.entries()
    const byImage = new Map(entries.map((entry) => [entry.image as string, idOf(entry)]))
    for (const entry of entries) {
      if (!this.#images.exists(entry.image)) continue
      records.push(await this.#record(entry, byImage, inUse))
    }
    const mounts = (await this.#caches.list()).map(cacheRecord)
    return [...records, ...mounts, ...(await this.#kept.list()).map(contextRecord)]
  }

  /** `docker builder prune`. */
  async prune(options: {
    all: boolean
    filters: Filters
    space: SpaceWish
  }): Promise<{ CachesDeleted: string[]; SpaceReclaimed: number }> {
    const { until, terms } = pruneChoice(options.filters)
    const { reserved, maxUsed, minFree } = options.space
    const { records, SpaceReclaimed } = await this.#prune({
      ...options,
      until,
      passes: (record) => terms.every((term) => meets(record, term)),
      everything: Object.keys(options.filters).length === 0 && reserved + maxUsed + minFree === 0,
    })
    return { CachesDeleted: records.map(({ ID }) => ID), SpaceReclaimed }
  }

  /** Forgets records of the cache, and the nameless images that only they kept; answers what went. */
  async #prune(wish: PruneWish): Promise<{ records: BuildCacheRecord[]; SpaceReclaimed: number }> {
    await this.#ready()
    const inUse = this.#images.inUse()
    const before = await this.#images.layersSize()
    const going = await this.#going(wish)
    const entries = (await this.#cache.entries()).filter((entry) => going.has(idOf(entry)))
    await this.#cache.delete(entries.map(({ key }) => key))
    // Children first: an image that another stands on cannot go.
    for (const { image } of entries.toReversed()) await this.#drop(image, inUse)
    if (wish.everything && this.#running.size === 0) await this.#dropForgotten(inUse)
    const directories = (await this.#caches.list()).filter(({ name }) => going.has(name))
    for (const { name } of directories) await this.#caches.remove(name)
    const contexts = (await this.#kept.list()).filter(({ name }) => going.has(name))
    for (const { name } of contexts) await this.#kept.remove(name)
    const emptied = [...directories, ...contexts].reduce((sum, { size }) => sum + size, 0)
    return {
      records: [...going.values()],
      SpaceReclaimed: Math.max(0, before - (await this.#images.layersSize())) + emptied,
    }
  }

  /** The records to go, by their ids. */
  async #going({ all, until, passes, space }: PruneWish): Promise<Map<string, BuildCacheRecord>> {
    const records = await this.records()
    const isMount = ({ Type }: BuildCacheRecord) => Type === CACHE_MOUNT
    // What a build that is under way has made or found goes on being needed by it.
    const before = Math.min(until, ...[...this.#running].map(({ at }) => at))
    const candidates = records.filter(
      (record) =>
        lastUseOf(record) < before && passes(record) && (!record.InUse || (all && !isMount(record))),
    )
    const total = records.reduce((sum, { Size }) => sum + Size, 0)
    const keep = bytesToKeep(space, total, space.minFree > 0 ? await this.#freeBytes() : 0)
    const going = keep === undefined ? candidates : leastRecent(candidates, total - keep)
    return new Map(going.map((record) => [record.ID, record]))
  }

  /** A disk that cannot be asked is no full one: that fails the prune instead of emptying the cache. */
  async #freeBytes(): Promise<number> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
    const { bavail, bsize } = await statfs(this.#root)
    return bavail * bsize
  }

  /** What a build without the cache put in the place of another is in no entry any more. */
  async #dropForgotten(inUse: ReadonlySet<Digest>): Promise<void> {
    const known = new Set((await this.#cache.entries()).map(({ image }) => image))
    for (const image of this.#images.buildCacheOnly().toReversed())
      if (!known.has(image)) await this.#drop(image, inUse)
  }

  async #drop(image: Digest, inUse: ReadonlySet<Digest>): Promise<void> {
    if (inUse.has(image) || !this.#images.exists(image)) return
    try {
      await this.#images.remove(image, { noPrune: true })
    } catch (error) {
      // A container came to use it: then it is no rubbish.
      if (kindOf(error) !== 'conflict' && kindOf(error) !== 'not_found') throw error
    }
  }

  #ready(): Promise<void> {
    this.#recovered ??= this.#recover().catch((error: unknown) => {
      this.#recovered = undefined
      throw error
    })
    return this.#recovered
  }

  /** Drops what builds of a killed run left half-made; before the first build of this one. */
  async #recover(): Promise<void> {
    await rm(join(this.#root, 'contexts'), { recursive: true, force: true })
    await this.#kept.recover()
    await this.#scratch.clear()
    await this.#containers.removeLabelled(BUILD_LABEL)
    await this.#rootfs.recover()
    for await (const { name, kind } of this.#snapshots.walk()) {
      if (kind === 'active' && name.startsWith(BUILD_PREFIX)) await this.#snapshots.remove(name)
    }
  }

  async *#finish(id: Digest, tags: string[], options: BuildOptions): AsyncIterable<ProgressMessage> {
    await this.#images.reveal(id)
    if (options.quiet) yield { stream: `${id}\n` }
    else {
      yield { aux: { ID: id } }
      yield { stream: `Successfully built ${shortId(id)}\n` }
    }
    for (const tag of tags) {
      await this.#images.tag(id, tag)
      if (!options.quiet) yield { stream: `Successfully tagged ${tag}\n` }
    }
    this.#events.publish('builder', 'build', id, { name: tags[0] ?? id })
  }

  async #record(
    entry: CacheEntry,
    byImage: ReadonlyMap<string, string>,
    inUse: ReadonlySet<Digest>,
  ): Promise<BuildCacheRecord> {
    const [newest] = await this.#images.history(entry.image)
    const parent = byImage.get(entry.parent ?? '')
    return {
      ID: idOf(entry),
      ...(parent === undefined ? {} : { Parents: [parent] }),
      Type: 'regular',
      Description: entry.description,
      InUse: inUse.has(entry.image),
      Shared: inUse.has(entry.image),
      Size: newest?.Size ?? 0,
      CreatedAt: new Date(entry.created).toISOString(),
      LastUsedAt: entry.lastUsed === undefined ? null : new Date(entry.lastUsed).toISOString(),
      UsageCount: entry.uses,
    }
  }
}

function idOf({ key }: CacheEntry): string {
  return key.slice(0, 25)
}

function cacheRecord(cache: Awaited<ReturnType<CacheMounts['list']>>[number]): BuildCacheRecord {
  return {
    ID: cache.name,
    Type: CACHE_MOUNT,
    Description: 'mount / from exec',
    InUse: cache.inUse,
    Shared: false,
    Size: cache.size,
    CreatedAt: new Date(cache.created).toISOString(),
    LastUsedAt: new Date(cache.changed).toISOString(),
    UsageCount: 1,
  }
}

function contextRecord(context: KeptContext): BuildCacheRecord {
  return {
    ID: context.name,
    Type: 'source.local',
    Description: 'local source for context',
    InUse: false,
    Shared: false,
    Size: context.size,
    CreatedAt: new Date(context.created).toISOString(),
    LastUsedAt: new Date(context.used).toISOString(),
    UsageCount: context.uses,
  }
}
