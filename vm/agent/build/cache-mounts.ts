/** Directories of `RUN --mount=type=cache`: kept from build to build, dropped by prune. */
import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunMount } from './run-flags.ts'

export interface CacheDirectory extends Disposable {
  path: string
  /** True when it was made just now: what it starts with may be copied in. */
  fresh: boolean
}

interface Use {
  count: number
  waiting: (() => void)[]
}

export class CacheMounts {
  readonly #root: string
  readonly #uses = new Map<string, Use>()

  constructor(root: string) {
    this.#root = root
  }

  /** The directory of this id; `locked` waits until nobody has it, `private` takes another while somebody has it. */
  async take(
    id: string,
    sharing: RunMount['sharing'],
    options: { signal?: AbortSignal } = {},
  ): Promise<CacheDirectory> {
    let name = nameOf(id)
    if (sharing === 'private') for (let n = 1; this.#uses.has(name); n++) name = nameOf(`${id}\0${n}`)
    while (sharing === 'locked' && this.#uses.has(name)) {
      await new Promise<void>((resolve) => this.#uses.get(name)?.waiting.push(resolve))
      options.signal?.throwIfAborted()
    }
    const use = this.#uses.get(name) ?? { count: 0, waiting: [] }
    use.count++
    this.#uses.set(name, use)
    const path = join(this.#root, name)
    const made = await mkdir(path, { recursive: true, mode: 0o755 })
    return {
      path,
      fresh: made !== undefined,
      [Symbol.dispose]: () => {
        if (--use.count > 0) return
        this.#uses.delete(name)
        for (const wake of use.waiting) wake()
      },
    }
  }

  /** What is there: name, bytes, and when it was made and last changed (milliseconds since the epoch). */
  async list(): Promise<{ name: string; size: number; created: number; changed: number; inUse: boolean }[]> {
    const names = await readdir(this.#root).catch(() => [])
    return Promise.all(
      names.map(async (name) => {
        const { birthtimeMs, mtimeMs } = await stat(join(this.#root, name))
        const size = await sizeOf(join(this.#root, name))
        return { name, size, created: birthtimeMs, changed: mtimeMs, inUse: this.#uses.has(name) }
      }),
    )
  }

  /** Deletes it unless a step uses it. */
  async remove(name: string): Promise<void> {
    if (!this.#uses.has(name)) await rm(join(this.#root, name), { recursive: true, force: true })
  }
}

function nameOf(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 25)
}

async function sizeOf(path: string): Promise<number> {
  let size = 0
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    size += entry.isDirectory() ? await sizeOf(child) : (await stat(child).catch(() => ({ size: 0 }))).size
  }
  return size
}
