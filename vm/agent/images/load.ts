/**
 * `docker load`: docker-archive and OCI layout tars. The archive is streamed once: files go straight into the content
 * store, so memory stays flat and files may come in any order.
 */
import * as v from 'valibot'
import { EngineError } from '../../api/errors.ts'
import type { ProgressMessage } from '../../api/images.ts'
import type { FileContentStore } from '../content/file-store.ts'
import type { Descriptor, Digest } from '../content/store.ts'
import type { EventBus } from '../events.ts'
import { decompressed } from '../snapshots/decompress.ts'
import { type TarHeader, TarReader } from '../snapshots/tar-reader.ts'
import { blobPath, IndexFile, ManifestFile } from './archive.ts'
import { chainIds, shortId } from './chain.ts'
import type { Layers } from './layers.ts'
import { ALL_BLOBS, type Lease, type Leases } from './leases.ts'
import { chooseManifest, parseConfig, parseManifest } from './manifest.ts'
import { isIndex, MediaType } from './media-types.ts'
import { hostPlatform } from './platform.ts'
import { counter } from './progress.ts'
import { parseTagged, tagString } from './reference.ts'
import type { ImageStore } from './store.ts'

interface Blob {
  digest: Digest
  size: number
}
/** One image as the archive describes it. */
interface Entry {
  config: Blob
  layers: Descriptor[]
  tags: string[]
}
type Report = (message: ProgressMessage) => void
type Files = Map<string, Blob>

export class Loader {
  readonly #content: FileContentStore
  readonly #store: ImageStore
  readonly #layers: Layers
  readonly #leases: Leases
  readonly #events: EventBus

  constructor(options: {
    content: FileContentStore
    store: ImageStore
    layers: Layers
    leases: Leases
    events: EventBus
  }) {
    this.#content = options.content
    this.#store = options.store
    this.#layers = options.layers
    this.#leases = options.leases
    this.#events = options.events
  }

  /** Loads every image of the archive; answers their ids. */
  async load(
    tar: AsyncIterable<Uint8Array>,
    report: Report,
    options: { signal?: AbortSignal },
  ): Promise<Digest[]> {
    const lease = this.#leases.take()
    try {
      await lease.hold(ALL_BLOBS)
      const files = await this.#receive(tar, options)
      const entries = await this.#entries(files)
      const ids: Digest[] = []
      for (const entry of entries) ids.push(await this.#register(entry, lease, report, options))
      return ids
    } finally {
      lease[Symbol.dispose]()
    }
  }

  /** Every file of the archive by its path. */
  async #receive(tar: AsyncIterable<Uint8Array>, options: { signal?: AbortSignal }): Promise<Files> {
    const files: Files = new Map()
    const links = new Map<string, string>()
    for await (const { header, content } of entriesOf(tar)) {
      const name = normal(header.name)
      if (header.type === 'link' || header.type === 'symlink') links.set(name, linkTarget(name, header))
      if (header.type === 'file')
        files.set(name, await this.#content.write(content, { size: header.size }, options))
    }
    for (const [name, target] of links) {
      const file = files.get(target)
      if (file) files.set(name, file)
    }
    return files
  }

  async #entries(files: Files): Promise<Entry[]> {
    const manifest = files.get('manifest.json')
    if (manifest) return this.#dockerEntries(files, manifest)
    const index = files.get('index.json')
    if (index) return this.#ociEntries(files, index)
    throw new EngineError('invalid_argument', 'invalid archive: neither manifest.json nor index.json in it')
  }

  async #dockerEntries(files: Files, manifest: Blob): Promise<Entry[]> {
    const list = await this.#parse(ManifestFile, manifest, 'manifest.json')
    return list.map((item) => ({
      config: need(files, item.Config),
      layers: (item.Layers ?? []).map((path) => ({ mediaType: MediaType.OCI_LAYER, ...need(files, path) })),
      tags: item.RepoTags ?? [],
    }))
  }

  async #ociEntries(files: Files, index: Blob): Promise<Entry[]> {
    const { manifests } = await this.#parse(IndexFile, index, 'index.json')
    const entries: Entry[] = []
    for (const item of manifests) {
      let blob = need(files, blobPath(item.digest))
      if (isIndex(item.mediaType)) {
        const chosen = chooseManifest(await this.#content.read(blob.digest), hostPlatform(), item.digest)
        blob = need(files, blobPath(chosen.digest))
      }
      const manifest = parseManifest(await this.#content.read(blob.digest), item.digest)
      const name =
        item.annotations?.['io.containerd.image.name'] ??
        item.annotations?.['org.opencontainers.image.ref.name']
      entries.push({
        config: need(files, blobPath(manifest.config.digest)),
        layers: manifest.layers.map((layer) => ({ ...layer, ...need(files, blobPath(layer.digest)) })),
        tags: name?.includes(':') ? [name] : [],
      })
    }
    return entries
  }

  async #register(
    entry: Entry,
    lease: Lease,
    report: Report,
    options: { signal?: AbortSignal },
  ): Promise<Digest> {
    const id = entry.config.digest
    const config = parseConfig(await this.#content.read(id), id, entry.layers.length)
    const chain = chainIds(config.rootfs.diff_ids)
    await lease.hold(id, ...chain)
    for (const [index, layer] of entry.layers.entries()) {
      const [chainId, diffId] = [chain[index], config.rootfs.diff_ids[index]]
      if (chainId === undefined || diffId === undefined || (await this.#layers.has(chainId))) continue
      const onProgress = counter(report, 'Loading layer', shortId(diffId), layer.size)
      const target = { digest: layer.digest, diffId, chainId, parent: chain[index - 1] }
      await this.#layers.unpack(target, { ...options, onProgress })
    }
    const tags = entry.tags.map((tag) => tagString(parseTagged(tag)))
    await this.#store.update((state) => {
      const former = state.images.get(id)
      state.images.set(id, {
        id,
        layers: config.rootfs.diff_ids.map((diffId, index) => ({ diffId, blob: entry.layers[index] })),
        manifests: former?.manifests ?? [],
        ...(former?.parent === undefined ? {} : { parent: former.parent }),
        lastTagTime: tags.length > 0 ? Date.now() : (former?.lastTagTime ?? 0),
      })
      for (const tag of tags) state.tags.set(tag, id)
    })
    this.#events.publish('image', 'load', id, { name: tags[0] ?? id })
    for (const tag of tags) report({ stream: `Loaded image: ${tag}\n` })
    if (tags.length === 0) report({ stream: `Loaded image ID: ${id}\n` })
    return id
  }

  async #parse<S extends v.GenericSchema>(schema: S, blob: Blob, name: string): Promise<v.InferOutput<S>> {
    const text = Buffer.from(await this.#content.read(blob.digest)).toString()
    const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
    if (result.success) return result.output
    throw new EngineError('invalid_argument', `invalid archive: ${name}: ${result.issues[0].message}`)
  }
}

/** The entries of a tar, one after the other; each content must be read before the next comes. */
export async function* entriesOf(
  tar: AsyncIterable<Uint8Array>,
): AsyncIterable<{ header: TarHeader; content: AsyncIterable<Uint8Array> }> {
  // The reader pushes and this pulls: what one chunk of input yields waits in `events`, and is gone before the next.
  const events: ({ header: TarHeader } | { data: Uint8Array } | 'done')[] = []
  const reader = new TarReader({
    entry: (header) => events.push({ header }),
    data: (chunk) => events.push({ data: chunk }),
    done: () => events.push('done'),
  })
  const input = decompressed(tar)[Symbol.asyncIterator]()
  let over = false
  const next = async () => {
    while (events.length === 0 && !over) {
      const { value, done } = await input.next()
      if (done) {
        over = true
        reader.finish()
      } else reader.push(value)
    }
    return events.shift()
  }
  async function* content(): AsyncIterable<Uint8Array> {
    for (let event = await next(); event !== undefined && event !== 'done'; event = await next()) {
      if ('data' in event) yield event.data
    }
  }
  try {
    for (let event = await next(); event !== undefined; event = await next()) {
      if (event === 'done' || 'data' in event) continue
      yield { header: event.header, content: content() }
    }
  } finally {
    await input.return?.()
  }
}

function need(files: Files, path: string): Blob {
  const file = files.get(normal(path))
  if (!file) throw new EngineError('invalid_argument', `invalid archive: ${path} is missing`)
  return file
}

function normal(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

/** Docker's older archives link a layer that occurs twice: `../<id>/layer.tar`. */
function linkTarget(name: string, header: TarHeader): string {
  if (header.type === 'link') return normal(header.linkName)
  const parts = name.split('/').slice(0, -1)
  for (const part of header.linkName.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}
