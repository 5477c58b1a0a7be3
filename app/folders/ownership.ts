import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { writeFileAtomic } from '../atomic-file.ts'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** What tells a file apart, whatever its name. */
export interface FileIdentity {
  readonly dev: number
  readonly ino: number
  readonly birthtimeMs: number
}

/** Enough for the data folders of a few databases; the oldest are forgotten. */
const MAX_ENTRIES = 65_536
const SAVE_MS = 1_000
const fileSchema = v.record(v.string(), v.tuple([v.number(), v.number(), v.number()]))

/**
 * Owners that containers gave to files of the user, who may give away nothing: databases look whether their folder is
 * theirs. Kept by the file itself, so that they survive a rename, in a file of the app's folder.
 */
export class Ownership implements AsyncDisposable {
  readonly #path: string
  readonly #log: (message: string) => void
  #entries: Map<string, readonly [uid: number, gid: number, birth: number]> | undefined
  #loading: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #saving: Promise<void> = Promise.resolve()

  constructor(path: string, log: (message: string) => void) {
    this.#path = path
    this.#log = log
  }

  /** Resolves when the owners of earlier runs are known. */
  load(): Promise<void> {
    this.#loading ??= this.#read()
    return this.#loading
  }

  /** The owner that a container gave to the file, if one did. */
  get(file: FileIdentity): Owner | undefined {
    const entry = this.#entries?.get(keyOf(file))
    // Another file may have got the number of one that is gone.
    return entry && entry[2] === Math.trunc(file.birthtimeMs) ? { uid: entry[0], gid: entry[1] } : undefined
  }

  set(file: FileIdentity, { uid, gid }: Owner): void {
    this.#entries ??= new Map()
    const entries = this.#entries
    const key = keyOf(file)
    entries.delete(key)
    entries.set(key, [uid, gid, Math.trunc(file.birthtimeMs)])
    const [oldest] = entries.keys()
    if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest)
    this.#saveSoon()
  }

  forget(file: FileIdentity): void {
    if (this.#entries?.delete(keyOf(file))) this.#saveSoon()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer) this.#save()
    await this.#saving
  }

  async #read(): Promise<void> {
    const known = await readFile(this.#path, 'utf8')
      .then(
        (text) => v.parse(fileSchema, JSON.parse(text)),
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error
          return {}
        },
      )
      .catch((error: unknown) => {
        this.#log(`${this.#path}: ${error instanceof Error ? error.message : error}; owners start anew`)
        return {}
      })
    this.#entries = new Map([...Object.entries(known), ...(this.#entries ?? [])])
  }

  #saveSoon(): void {
    this.#timer ??= setTimeout(() => this.#save(), SAVE_MS)
  }

  #save(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#saving = this.#saving
      .then(() => writeFileAtomic(this.#path, JSON.stringify(Object.fromEntries(this.#entries ?? []))))
      .catch((error: unknown) =>
        this.#log(`${this.#path}: ${error instanceof Error ? error.message : error}`),
      )
  }
}

function keyOf({ dev, ino }: FileIdentity): string {
  return `${dev}:${ino}`
}
