/**
 * `docker save`: one tar that both Docker (manifest.json) and OCI tools (index.json) read. Streamed: a layer that was
 * pulled goes out as it came, one made here is packed again from its snapshot and checked.
 */
import { createHash } from 'node:crypto'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import type { FileContentStore } from '../content/file-store.ts'
import type { Descriptor, Digest } from '../content/store.ts'
import type { LayerApplier, LayerDiffer } from '../snapshots/snapshotter.ts'
import type { TarHeader } from '../snapshots/tar-reader.ts'
import { TAR_END, tarHeader, tarPadding } from '../snapshots/tar-writer.ts'
import { blobPath } from './archive.ts'
import { chainIds } from './chain.ts'
import type { Library } from './library.ts'
import { MediaType } from './media-types.ts'
import { familiarName, parseReference, type Reference } from './reference.ts'
import type { ImageRecord, ImageStore } from './store.ts'

interface Saved {
  id: Digest
  tags: string[]
}
const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map()

export class Saver {
  readonly #store: ImageStore
  readonly #library: Library
  readonly #content: FileContentStore
  readonly #differ: LayerDiffer
  readonly #applier: LayerApplier

  constructor(options: {
    store: ImageStore
    library: Library
    content: FileContentStore
    differ: LayerDiffer
    applier: LayerApplier
  }) {
    this.#store = options.store
    this.#library = options.library
    this.#content = options.content
    this.#differ = options.differ
    this.#applier = options.applier
  }

  /** The bytes of the archive; a chunk holds until the next is asked for. not_found before the first byte when a reference is unknown. */
  async *save(references: string[], options: { signal?: AbortSignal }): AsyncIterable<Uint8Array> {
    const images = this.#choose(references)
    const written = new Set<Digest>()
    const manifests: (Descriptor & { annotations?: Record<string, string> })[] = []
    const listing: { Config: string; RepoTags: string[] | null; Layers: string[] }[] = []
    yield* directory('blobs/')
    yield* directory('blobs/sha256/')
    for (const { id, tags } of images) {
      const layers: Descriptor[] = []
      const record = this.#library.record(id)
      for (const index of record.layers.keys()) {
        const layer = yield* this.#layer(record, index, written, options)
        layers.push(layer)
      }
      const config = await this.#content.read(id)
      const bytes = manifestOf(id, config.length, layers)
      const descriptor = describe(MediaType.OCI_MANIFEST, bytes)
      if (!written.has(id)) yield* file(blobPath(id), config)
      if (!written.has(descriptor.digest)) yield* file(blobPath(descriptor.digest), bytes)
      written.add(id).add(descriptor.digest)
      manifests.push(...named(descriptor, tags))
      listing.push({
        Config: blobPath(id),
        RepoTags: tags.length > 0 ? tags : null,
        Layers: layers.map(({ digest }) => blobPath(digest)),
      })
    }
    yield* file('index.json', json({ schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests }))
    yield* file('manifest.json', json(listing))
    yield* file('oci-layout', json({ imageLayoutVersion: '1.0.0' }))
    yield TAR_END
  }

  /** Each image once with the tags that were asked for; a bare repository name means all its tags. */
  #choose(references: string[]): Saved[] {
    const chosen = new Map<Digest, Saved>()
    const add = (id: Digest, ...tags: string[]) => {
      const saved = chosen.get(id) ?? { id, tags: [] }
      saved.tags = [...new Set([...saved.tags, ...tags])]
      chosen.set(id, saved)
    }
    for (const text of references) {
      const all = this.#allTags(text)
      for (const [tag, id] of all) add(id, tag)
      if (all.length > 0) continue
      const id = this.#find(text)
      add(id, ...(this.#store.state.tags.get(text) === id ? [text] : this.#tagFor(text, id)))
    }
    return [...chosen.values()]
  }

  /** In dockerd's words here, which name what was asked for as it was. */
  #find(text: string): Digest {
    try {
      return this.#library.find(text)
    } catch (error) {
      if (kindOf(error) !== 'not_found') throw error
      throw new EngineError('not_found', `No such image: ${text}`, { cause: error })
    }
  }

  #allTags(text: string): [string, Digest][] {
    if (/^(sha256:)?[0-9a-f]+$/.test(text) && !this.#store.state.tags.has(`${text}:latest`)) return []
    const reference = referenceOf(text)
    if (reference.tag !== undefined || reference.digest !== undefined) return []
    const prefix = `${familiarName(reference)}:`
    return [...this.#store.state.tags].filter(
      ([tag]) => tag.startsWith(prefix) && !tag.slice(prefix.length).includes('/'),
    )
  }

  #tagFor(text: string, id: Digest): string[] {
    if (/^(sha256:)?[0-9a-f]+$/.test(text)) return []
    const reference = parseReference(text)
    const tag = `${familiarName(reference)}:${reference.tag ?? 'latest'}`
    return this.#store.state.tags.get(tag) === id ? [tag] : []
  }

  async *#layer(
    record: ImageRecord,
    index: number,
    written: Set<Digest>,
    options: { signal?: AbortSignal },
  ): AsyncGenerator<Uint8Array, Descriptor> {
    const layer = record.layers[index]
    if (!layer) throw new EngineError('internal', `image ${record.id}: no layer ${index}`)
    if (layer.blob) {
      if (!written.has(layer.blob.digest)) {
        yield tarHeader(fileHeader(blobPath(layer.blob.digest), layer.blob.size))
        yield* this.#content.open(layer.blob.digest)
        yield tarPadding(layer.blob.size)
      }
      written.add(layer.blob.digest)
      return layer.blob
    }
    return yield* this.#packed(record, index, written, options)
  }

  /** Twice over the snapshot: once for the size that the header needs, once for the bytes. */
  async *#packed(
    record: ImageRecord,
    index: number,
    written: Set<Digest>,
    options: { signal?: AbortSignal },
  ): AsyncGenerator<Uint8Array, Descriptor> {
    const diffIds = record.layers.map(({ diffId }) => diffId)
    const [chainId, digest] = [chainIds(diffIds)[index], diffIds[index]]
    if (chainId === undefined || digest === undefined)
      throw new EngineError('internal', `image ${record.id}: no layer ${index}`)
    const { diffId, size } = await this.#applier.digest(chainId, options)
    if (diffId !== digest) throw new EngineError('data_loss', `layer ${digest}: its files changed on disk`)
    if (!written.has(digest)) {
      yield tarHeader(fileHeader(blobPath(digest), size))
      yield* this.#differ.diff(chainId, options)
      yield tarPadding(size)
    }
    written.add(digest)
    return { mediaType: MediaType.OCI_LAYER, digest, size }
  }
}

function named(
  descriptor: Descriptor,
  tags: string[],
): (Descriptor & { annotations?: Record<string, string> })[] {
  if (tags.length === 0) return [descriptor]
  return tags.map((tag) => {
    const reference = parseReference(tag)
    return {
      ...descriptor,
      annotations: {
        'io.containerd.image.name': `${reference.domain}/${reference.path}:${reference.tag ?? 'latest'}`,
        'org.opencontainers.image.ref.name': reference.tag ?? 'latest',
      },
    }
  })
}

/** The OCI manifest of an image. */
export function manifestOf(id: Digest, configSize: number, layers: Descriptor[]): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: MediaType.OCI_MANIFEST,
    config: { mediaType: MediaType.OCI_CONFIG, digest: id, size: configSize },
    layers,
  })
}

function describe(mediaType: string, bytes: Buffer): Descriptor {
  return {
    mediaType,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: bytes.length,
  }
}

function* file(name: string, bytes: Uint8Array): Iterable<Uint8Array> {
  yield tarHeader(fileHeader(name, bytes.length))
  yield bytes
  yield tarPadding(bytes.length)
}

function* directory(name: string): Iterable<Uint8Array> {
  yield tarHeader({ ...fileHeader(name, 0), type: 'directory', mode: 0o755 })
}

function fileHeader(name: string, size: number): TarHeader {
  return {
    name,
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: 0,
    linkName: '',
    major: 0,
    minor: 0,
    xattrs: NO_XATTRS,
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

/** What cannot be a name is dockerd's own fault here, by its status. */
function referenceOf(text: string): Reference {
  try {
    return parseReference(text)
  } catch (error) {
    throw new EngineError('invalid_argument', messageOf(error), { cause: error, details: { status: 500 } })
  }
}
