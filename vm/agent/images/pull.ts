/** `docker pull`: resolve, fetch layers in parallel, unpack them in order while others still come, name the image. */
import { EngineError, kindOf } from '../../api/errors.ts'
import type { ProgressMessage, RegistryAuth } from '../../api/images.ts'
import type { FileContentStore } from '../content/file-store.ts'
import type { Descriptor, Digest } from '../content/store.ts'
import type { EventBus } from '../events.ts'
import { chainIds, shortId } from './chain.ts'
import type { ImageConfig } from './images.ts'
import type { Layers } from './layers.ts'
import type { Lease, Leases } from './leases.ts'
import { chooseManifest, type Manifest, type Platform, parseConfig, parseManifest } from './manifest.ts'
import { isIndex, isManifest, isSchema1 } from './media-types.ts'
import { hostPlatform, parsePlatform, platformText } from './platform.ts'
import { counter } from './progress.ts'
import { digestString, familiarString, type Reference, tagString } from './reference.ts'
import type { Registry, RemoteManifest, Repository } from './registry.ts'
import type { ImageStore } from './store.ts'

export interface PullOptions {
  auth?: RegistryAuth | undefined
  platform?: string | undefined
  signal?: AbortSignal | undefined
}
type Report = (message: ProgressMessage) => void

interface Target {
  reference: Reference
  repository: Repository
  lease: Lease
  report: Report
  signal: AbortSignal | undefined
}

interface Found {
  /** What the name points at: index or manifest. */
  root: RemoteManifest
  manifest: Manifest
  manifestDescriptor: Descriptor
  config: ImageConfig
}

export class Puller {
  readonly #registry: Registry
  readonly #content: FileContentStore
  readonly #store: ImageStore
  readonly #layers: Layers
  readonly #leases: Leases
  readonly #events: EventBus

  constructor(options: {
    registry: Registry
    content: FileContentStore
    store: ImageStore
    layers: Layers
    leases: Leases
    events: EventBus
  }) {
    this.#registry = options.registry
    this.#content = options.content
    this.#store = options.store
    this.#layers = options.layers
    this.#leases = options.leases
    this.#events = options.events
  }

  /** Pulls one name. What a cancelled pull leaves is unreferenced and no lease holds it. */
  async pull(reference: Reference, options: PullOptions, report: Report): Promise<Digest> {
    const { signal } = options
    const lease = this.#leases.take()
    try {
      return await this.#registry.withRepository(reference, options, (repository) =>
        this.#pullFrom({ reference, repository, lease, report, signal }, options.platform),
      )
    } catch (error) {
      throw kindOf(error) === 'unauthenticated' ? denied(reference, error) : error
    } finally {
      lease[Symbol.dispose]()
    }
  }

  async #pullFrom(target: Target, platform: string | undefined): Promise<Digest> {
    const { reference, report } = target
    const found = await this.#find(target, platform, () =>
      report({
        status: `Pulling from ${reference.path}`,
        id: reference.tag ?? reference.digest ?? '',
      }),
    )
    await this.#bringLayers(target, found)
    return this.#name(target, found)
  }

  async #find(target: Target, platform: string | undefined, announce: () => void): Promise<Found> {
    const { reference, repository, signal } = target
    const subject = familiarString(reference)
    const options = signal ? { signal } : {}
    const root = await repository.manifest(reference.digest ?? reference.tag ?? 'latest', undefined, options)
    refuseSchema1(root.descriptor.mediaType, subject)
    const wanted = platform === undefined || platform === '' ? undefined : parsePlatform(platform)
    let image = root
    if (isIndex(root.descriptor.mediaType)) {
      const entry = chooseManifest(root.bytes, wanted ?? hostPlatform(), subject)
      image = await repository.manifest(entry.digest, entry, options)
    }
    refuseSchema1(image.descriptor.mediaType, subject)
    if (!isManifest(image.descriptor.mediaType)) {
      throw new EngineError(
        'invalid_argument',
        `${subject}: unsupported manifest media type ${image.descriptor.mediaType}`,
      )
    }
    const manifest = parseManifest(image.bytes, subject)
    announce()
    await target.lease.hold(root.descriptor.digest, image.descriptor.digest, manifest.config.digest)
    for (const { bytes, descriptor } of new Set([root, image])) {
      await this.#content.write(once(bytes), descriptor, options)
    }
    await this.#content.write(repository.blob(manifest.config, options), manifest.config, options)
    const config = parseConfig(
      await this.#content.read(manifest.config.digest),
      subject,
      manifest.layers.length,
    )
    checkPlatform(config, wanted, subject)
    return { root, manifest, manifestDescriptor: image.descriptor, config }
  }

  /** Downloads run side by side; each layer is unpacked as soon as it and all below are there. */
  async #bringLayers(target: Target, found: Found): Promise<void> {
    const chain = chainIds(found.config.rootfs.diff_ids)
    await target.lease.hold(...chain, ...found.manifest.layers.map(({ digest }) => digest))
    const have = await Promise.all(chain.map((chainId) => this.#layers.has(chainId)))
    // As dockerd: of an image that is here no layer is spoken of.
    if (this.#store.state.images.has(found.manifest.config.digest) && have.every(Boolean)) return
    const abort = new AbortController()
    const signal = target.signal ? AbortSignal.any([target.signal, abort.signal]) : abort.signal
    const downloads = found.manifest.layers.map((layer, index) =>
      this.#download({ ...target, signal }, layer, have[index] === true),
    )
    try {
      for (const [index, layer] of found.manifest.layers.entries()) {
        await downloads[index]
        const [chainId, diffId] = [chain[index], found.config.rootfs.diff_ids[index]]
        if (have[index] || chainId === undefined || diffId === undefined) continue
        const id = shortId(layer.digest)
        const onProgress = counter(target.report, 'Extracting', id, layer.size)
        const parent = chain[index - 1]
        await this.#layers.unpack({ digest: layer.digest, diffId, chainId, parent }, { signal, onProgress })
        target.report({ status: 'Pull complete', progressDetail: {}, id })
      }
    } finally {
      abort.abort()
      await Promise.allSettled(downloads)
    }
  }

  async #download(target: Target, layer: Descriptor, have: boolean): Promise<void> {
    const { report, repository, signal } = target
    const id = shortId(layer.digest)
    const say = (status: string) => report({ status, progressDetail: {}, id })
    if (have) {
      say('Already exists')
      return
    }
    say('Pulling fs layer')
    if (this.#layers.busy) say('Waiting')
    const count = counter(report, 'Downloading', id, layer.size)
    let verifying = false
    const onProgress = (current: number) => {
      count(current)
      if (current < layer.size || verifying) return
      verifying = true
      say('Verifying Checksum')
    }
    await this.#layers.download(layer, { signal, onProgress }, (own) =>
      repository.blob(layer, { signal: own }),
    )
    say('Download complete')
  }

  async #name(target: Target, found: Found): Promise<Digest> {
    const { reference, report } = target
    const id = found.manifest.config.digest
    const digest = found.root.descriptor.digest
    const name = reference.digest === undefined ? tagString(reference) : digestString(reference, digest)
    const names = this.#store.state
    const known = (reference.digest === undefined ? names.tags : names.digests).get(name) === id
    const blobs = await this.#knownBlobs(found)
    await this.#store.update((state) => {
      const former = state.images.get(id)
      const manifests = [...(former?.manifests ?? []), found.root.descriptor, found.manifestDescriptor]
      state.images.set(id, {
        id,
        layers: found.config.rootfs.diff_ids.map((diffId) => ({ diffId, blob: blobs.get(diffId) })),
        manifests: [...new Map(manifests.map((manifest) => [manifest.digest, manifest])).values()],
        ...(former?.parent === undefined ? {} : { parent: former.parent }),
        lastTagTime: former?.lastTagTime ?? 0,
      })
      if (reference.digest === undefined) state.tags.set(name, id)
      state.digests.set(digestString(reference, digest), id)
    })
    const full = familiarString(reference)
    this.#events.publish('image', 'pull', full, { name: full.replace(/[:@][^/]*$/, '') })
    report({ status: `Digest: ${digest}` })
    report({ status: `Status: ${known ? 'Image is up to date' : 'Downloaded newer image'} for ${full}` })
    return id
  }

  /** The blob of each layer: the one just fetched, or, where the layer was here, the one another image keeps. */
  async #knownBlobs(found: Found): Promise<Map<Digest, Descriptor>> {
    const blobs = new Map<Digest, Descriptor>()
    for (const image of this.#store.state.images.values()) {
      for (const { diffId, blob } of image.layers) if (blob) blobs.set(diffId, blob)
    }
    for (const [index, layer] of found.manifest.layers.entries()) {
      const diffId = found.config.rootfs.diff_ids[index]
      if (diffId !== undefined && (await this.#content.info(layer.digest))) blobs.set(diffId, layer)
    }
    return blobs
  }
}

function refuseSchema1(mediaType: string, subject: string): void {
  if (!isSchema1(mediaType)) return
  throw new EngineError(
    'invalid_argument',
    `[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is disabled by default and will be removed in an upcoming release. Suggest the author of ${subject} to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2. More information at https://docs.docker.com/go/deprecated-image-specs/`,
  )
}

function checkPlatform(config: ImageConfig, wanted: Platform | undefined, subject: string): void {
  if (config.os !== '' && config.os !== 'linux') {
    throw new EngineError(
      'invalid_argument',
      `image operating system "${config.os}" cannot be used on this platform`,
    )
  }
  if (!wanted || (wanted.os === config.os && wanted.architecture === config.architecture)) return
  throw new EngineError(
    'not_found',
    `image with reference ${subject} was found but its platform (${platformText(config)}) does not match the specified platform (${platformText(wanted)})`,
  )
}

function denied(reference: Reference, error: unknown): EngineError {
  const name = familiarString({ ...reference, tag: undefined, digest: undefined })
  const cause = error instanceof Error ? error.message : String(error)
  return new EngineError(
    'not_found',
    `pull access denied for ${name}, repository does not exist or may require 'docker login': ${cause}`,
    { cause: error },
  )
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
