/**
 * Build cache: which image came of an instruction on top of an image, by content. The images themselves are ordinary
 * images without a name; an entry whose image is gone is no entry.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as v from 'valibot'
import type { Digest } from '../content/store.ts'
import { writeJson } from '../content/write-json.ts'

const Entry = v.object({
  key: v.string(),
  image: v.custom<Digest>((value) => typeof value === 'string' && value.startsWith('sha256:')),
  parent: v.optional(v.string()),
  description: v.string(),
  /** Milliseconds since the epoch. */
  created: v.number(),
  lastUsed: v.optional(v.number()),
  uses: v.number(),
})
const FileSchema = v.object({ version: v.literal(1), entries: v.array(Entry) })
export type CacheEntry = v.InferOutput<typeof Entry>

export class BuildCache {
  readonly #path: string
  readonly #entries = new Map<string, CacheEntry>()
  #loaded: Promise<void> | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** What identifies a step: everything that can change its result. */
  static key(parts: readonly unknown[]): string {
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  }

  async entries(): Promise<CacheEntry[]> {
    await this.#load()
    return [...this.#entries.values()]
  }

  /** The image of a step done before, if it still exists. */
  async find(key: string, exists: (image: Digest) => boolean): Promise<Digest | undefined> {
    await this.#load()
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    if (!exists(entry.image)) {
      this.#entries.delete(key)
      return undefined
    }
    entry.uses++
    entry.lastUsed = Date.now()
    await this.#save()
    return entry.image
  }

  async put(
    entry: Pick<CacheEntry, 'key' | 'image' | 'description'> & { parent?: string | undefined },
  ): Promise<void> {
    await this.#load()
    const { parent, ...rest } = entry
    this.#entries.set(entry.key, {
      ...rest,
      ...(parent === undefined ? {} : { parent }),
      created: Date.now(),
      uses: 0,
    })
    await this.#save()
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#load()
    for (const key of keys) this.#entries.delete(key)
    await this.#save()
  }

  /** A cache that cannot be read is empty: nothing is lost but time. */
  #load(): Promise<void> {
    this.#loaded ??= (async () => {
      const text = await readFile(this.#path, 'utf8').catch(() => '')
      const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), FileSchema), text)
      for (const entry of parsed.success ? parsed.output.entries : []) this.#entries.set(entry.key, entry)
    })()
    return this.#loaded
  }

  async #save(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    await writeJson(this.#path, { version: 1, entries: [...this.#entries.values()] })
  }
}
