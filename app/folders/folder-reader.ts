import type { Dir, Stats } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { FOLDER_ABOVE } from './attributes.ts'
import type { Attributes } from './sftp-wire.ts'

export interface FolderEntry {
  readonly name: string
  readonly attributes: Attributes
}

/** Entries of one answer: their attributes are looked up side by side. */
const BATCH = 100

/** Reads an open folder in batches, as large as it may be. */
export class FolderReader {
  readonly #next: () => Promise<FolderEntry[]>
  readonly #close: () => Promise<void>
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(next: () => Promise<FolderEntry[]>, close: () => Promise<void>) {
    this.#next = next
    this.#close = close
  }

  /** A folder above the shared ones. */
  static ofNames(names: readonly string[]): FolderReader {
    const left = ['.', '..', ...names].map((name) => ({ name, attributes: FOLDER_ABOVE }))
    return new FolderReader(
      async () => left.splice(0, BATCH),
      async () => undefined,
    )
  }

  static async open(path: string, look: (stats: Stats) => Attributes): Promise<FolderReader> {
    const own = look(await lstat(path))
    const folder = await opendir(path, { bufferSize: BATCH })
    const dots = ['.', '..'].map((name) => ({ name, attributes: own }))
    const next = async () => [...dots.splice(0), ...(await batch(folder, path, look))]
    return new FolderReader(next, () => folder.close())
  }

  /** The next entries, in the order of the calls; none: there are no more. */
  read(): Promise<FolderEntry[]> {
    const entries = this.#turn.then(() => this.#next())
    this.#turn = entries.catch(() => undefined)
    return entries
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#close()
  }
}

async function batch(folder: Dir, path: string, look: (stats: Stats) => Attributes): Promise<FolderEntry[]> {
  const names: string[] = []
  while (names.length < BATCH) {
    const entry = await folder.read()
    if (!entry) break
    names.push(entry.name)
  }
  if (names.length === 0) return []
  const entries = await Promise.all(
    names.map(async (name) => {
      const stats = await lstat(join(path, name)).catch(() => undefined)
      // Gone meanwhile, or not ours to look at.
      return stats ? { name, attributes: look(stats) } : undefined
    }),
  )
  const present = entries.filter((entry) => entry !== undefined)
  return present.length > 0 ? present : await batch(folder, path, look)
}
