/**
 * Folders that clients sent as build contexts, kept from build to build: of the next one a client sends only what has
 * changed. Part of the build cache; the longest unused go when there are too many.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { writeJson } from '../content/write-json.ts'

const MAX_COUNT = 8
const MAX_BYTES = 2 * 1024 ** 3

/** Path below the root → what tells whether the file is still the same. */
export type ContextIndex = ReadonlyMap<string, string>

const Kept = v.object({
  version: v.literal(1),
  /** The folder beside the index: another one each time, so that who reads the former finds it gone, not changed. */
  tree: v.string(),
  size: v.number(),
  /** Milliseconds since the epoch. */
  created: v.number(),
  used: v.number(),
  uses: v.number(),
})

/** The index of a tree, beside it and apart from what is listed: it may name a hundred thousand files. */
const Files = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.string()))

export interface KeptContext {
  name: string
  size: number
  created: number
  used: number
  uses: number
  /** Its folder below the root. */
  tree: string
}

export class KeptContexts {
  readonly #root: string
  readonly #limits: { count: number; bytes: number }
  /** Changes one after the other. */
  #changing: Promise<unknown> = Promise.resolve()

  constructor(root: string, limits = { count: MAX_COUNT, bytes: MAX_BYTES }) {
    this.#root = root
    this.#limits = limits
  }

  /** What is kept for `key`. It may go at any time: what cannot be read from it has to be sent. */
  async find(key: string): Promise<{ root: string; files: ContextIndex } | undefined> {
    const name = nameOf(key)
    const kept = await this.#read(name)
    if (!kept) return undefined
    const root = join(this.#root, kept.tree)
    const files = v.safeParse(Files, await readFile(`${root}.files`, 'utf8').catch(() => ''))
    return files.success ? { root, files: new Map(Object.entries(files.output)) } : undefined
  }

  /** Keeps `folder`, which is moved here, in the place of what was kept for `key`. */
  put(key: string, folder: string, files: ContextIndex, size: number): Promise<void> {
    return this.#change(async () => {
      const name = nameOf(key)
      const former = await this.#read(name)
      const now = Date.now()
      const tree = randomUUID()
      await this.#remove(name)
      await mkdir(this.#root, { recursive: true, mode: 0o700 })
      await rename(folder, join(this.#root, tree))
      const kept = {
        version: 1,
        tree,
        size,
        created: former?.created ?? now,
        used: now,
        uses: (former?.uses ?? 0) + 1,
      }
      // What a crash takes of it is sent again.
      await writeJson(join(this.#root, `${tree}.files`), Object.fromEntries(files), { durable: false })
      await writeJson(this.#index(name), kept, { durable: false })
      await this.#shrink()
    })
  }

  async list(): Promise<KeptContext[]> {
    const names = await this.#names()
    const found = await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .map(async (file) => {
          const name = file.slice(0, -'.json'.length)
          const kept = await this.#read(name)
          if (!kept) return []
          const { size, created, used, uses, tree } = kept
          return [{ name, size, created, used, uses, tree }]
        }),
    )
    return found.flat()
  }

  remove(name: string): Promise<void> {
    return this.#change(() => this.#remove(name))
  }

  /** Drops what a killed run left half-made. */
  recover(): Promise<void> {
    return this.#change(async () => {
      const known = new Set(
        (await this.list()).flatMap(({ name, tree }) => [`${name}.json`, tree, `${tree}.files`]),
      )
      for (const file of await this.#names())
        if (!known.has(file)) await rm(join(this.#root, file), { recursive: true, force: true })
    })
  }

  async #shrink(): Promise<void> {
    const newestFirst = (await this.list()).sort((a, b) => b.used - a.used)
    let bytes = 0
    for (const [index, { name, size }] of newestFirst.entries()) {
      bytes += size
      if (index >= this.#limits.count || bytes > this.#limits.bytes) await this.#remove(name)
    }
  }

  /** The index first: a tree without one is nothing. */
  async #remove(name: string): Promise<void> {
    const kept = await this.#read(name)
    await rm(this.#index(name), { force: true })
    if (!kept) return
    await rm(join(this.#root, `${kept.tree}.files`), { force: true })
    await rm(join(this.#root, kept.tree), { recursive: true, force: true })
  }

  async #read(name: string): Promise<v.InferOutput<typeof Kept> | undefined> {
    const text = await readFile(this.#index(name), 'utf8').catch(() => '')
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Kept), text)
    return parsed.success ? parsed.output : undefined
  }

  /** None before the first is kept; a folder that cannot be read is an error, not an empty one. */
  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#root)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  #index(name: string): string {
    return join(this.#root, `${name}.json`)
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(work)
    this.#changing = done.catch(() => undefined)
    return done
  }
}

function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 25)
}
