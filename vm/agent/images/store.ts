/**
 * What images there are and what they are called: pure metadata in one file, `images.json`. Blobs are in the content
 * store, filesystems in the snapshotter. Readers get the current state at once; changes are on disk when `update`
 * answers.
 */
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as v from 'valibot'
import type { Descriptor, Digest } from '../content/store.ts'
import { writeJson } from '../content/write-json.ts'

const DigestSchema = v.custom<Digest>(
  (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value),
)
const DescriptorSchema = v.object({ mediaType: v.string(), digest: DigestSchema, size: v.number() })
const RecordSchema = v.object({
  id: DigestSchema,
  layers: v.array(
    v.object({
      diffId: DigestSchema,
      /** The layer as it came; absent for layers made here, which are packed again from their snapshot. */
      blob: v.optional(DescriptorSchema),
    }),
  ),
  /** Manifests it came with, kept for their digests. */
  manifests: v.optional(v.array(DescriptorSchema), []),
  /** The image it was built on, for images that were built or committed here. */
  parent: v.optional(DigestSchema),
  /** Milliseconds since the epoch; 0: never tagged here. */
  lastTagTime: v.optional(v.number(), 0),
  /** Made by a step of a build and named by nobody since: the build cache's own, no image to the user. */
  buildCache: v.optional(v.boolean()),
})
const FileSchema = v.object({
  version: v.literal(1),
  images: v.array(RecordSchema),
  tags: v.record(v.string(), DigestSchema),
  digests: v.record(v.string(), DigestSchema),
})

export interface ImageRecord {
  id: Digest
  layers: { diffId: Digest; blob?: Descriptor | undefined }[]
  manifests: Descriptor[]
  parent?: Digest | undefined
  lastTagTime: number
  buildCache?: boolean | undefined
}

/** Names as RepoTags and RepoDigests list them. */
export interface ImageState {
  images: Map<Digest, ImageRecord>
  tags: Map<string, Digest>
  digests: Map<string, Digest>
}

export class ImageStore {
  readonly #path: string
  readonly state: ImageState = { images: new Map(), tags: new Map(), digests: new Map() }
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Reads the file; call once before anything else. A file that is damaged (a disk's fault: it is only ever replaced
   * whole) is copied aside and answered with `damaged`, at every start until an update replaces it: before the state is
   * rebuilt nothing may be deleted as unreferenced.
   */
  async load(): Promise<{ damaged: boolean }> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) return { damaged: false }
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), FileSchema), text)
    if (!parsed.success) {
      await copyFile(this.#path, `${this.#path}.damaged`)
      return { damaged: true }
    }
    for (const image of parsed.output.images) this.state.images.set(image.id, image)
    for (const [name, id] of Object.entries(parsed.output.tags)) this.state.tags.set(name, id)
    for (const [name, id] of Object.entries(parsed.output.digests)) this.state.digests.set(name, id)
    return { damaged: false }
  }

  /** Changes the state at once and answers when it is on disk. Several changes share a write. */
  async update<T>(change: (state: ImageState) => T): Promise<T> {
    const result = change(this.state)
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(() =>
        writeJson(this.#path, {
          version: 1,
          images: [...this.state.images.values()],
          tags: Object.fromEntries(this.state.tags),
          digests: Object.fromEntries(this.state.digests),
        }),
      )
    await this.#writing
    return result
  }

  /** Tags of an image, sorted. */
  tagsOf(id: Digest): string[] {
    return namesOf(this.state.tags, id)
  }

  /** `name@digest` of an image, sorted. */
  digestsOf(id: Digest): string[] {
    return namesOf(this.state.digests, id)
  }
}

function namesOf(names: Map<string, Digest>, id: Digest): string[] {
  return [...names].flatMap(([name, target]) => (target === id ? [name] : [])).sort()
}
