/**
 * Snapshots as overlayfs layers. On disk under `root`: `<n>` is a snapshot's own directory (overlay upper form),
 * `w/<n>` overlay's work directory, `m/<n>.json` its metadata. Metadata is written first and removed first, so any
 * directory that metadata does not know is rubbish and is swept at start.
 */
import { mkdir, opendir, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { EngineError } from '../../api/errors.ts'
import { writeJson } from '../content/write-json.ts'
import type { Kernel, Mount } from '../linux/kernel.ts'
import type { SnapshotInfo, Snapshotter } from './snapshotter.ts'
import { usageOf } from './usage.ts'

const Record = v.object({
  version: v.literal(1),
  number: v.number(),
  name: v.string(),
  parent: v.optional(v.string()),
  kind: v.picklist(['active', 'committed']),
  usage: v.optional(v.object({ size: v.number(), inodes: v.number() })),
})
type Record = v.InferOutput<typeof Record>

/** Overlay's options must fit a page; the kernel also stops at 500 lower layers. */
const MAX_OPTIONS = 4095

export class OverlaySnapshotter implements Snapshotter {
  readonly #root: string
  /** A short symlink to `root` for mount options, so that 127 layers fit; `root` itself when absent. */
  readonly #short: string
  readonly #kernel: Pick<Kernel, 'syncFilesystem'> | undefined
  readonly #records = new Map<string, Record>()
  #opened: Promise<void> | undefined
  #next = 1

  constructor(options: { root: string; shortRoot?: string; kernel?: Pick<Kernel, 'syncFilesystem'> }) {
    this.#kernel = options.kernel
    this.#root = options.root
    this.#short = options.shortRoot ?? options.root
  }

  async prepare(key: string, parent: string | undefined): Promise<void> {
    await this.#open()
    if (this.#records.has(key)) throw new EngineError('already_exists', `snapshot ${key}: already exists`)
    if (parent !== undefined && this.#get(parent).kind !== 'committed') {
      throw new EngineError('invalid_argument', `snapshot ${parent}: an active snapshot cannot be a parent`)
    }
    const record: Record = {
      version: 1,
      number: this.#next++,
      name: key,
      kind: 'active',
      ...(parent === undefined ? {} : { parent }),
    }
    this.#records.set(key, record)
    try {
      await writeJson(this.#metadata(record), record)
      await mkdir(this.#directory(record), { mode: 0o755 })
      await mkdir(this.#work(record), { mode: 0o700 })
    } catch (error) {
      await this.remove(key)
      throw error
    }
  }

  async mounts(key: string, target: string, options: { readonly?: boolean } = {}): Promise<Mount[]> {
    await this.#open()
    const record = this.#get(key)
    const lower = this.#lineage(record.parent)
    const writable = record.kind === 'active' && options.readonly !== true
    const lowerDirs = (writable ? lower : [record, ...lower]).map((layer) => `${this.#short}/${layer.number}`)
    if (!writable && lowerDirs.length === 1) lowerDirs.push(`${this.#short}/e`)
    if (writable && lowerDirs.length === 0) lowerDirs.push(`${this.#short}/e`)
    const data = [
      `lowerdir=${lowerDirs.join(':')}`,
      ...(writable
        ? [`upperdir=${this.#short}/${record.number}`, `workdir=${this.#short}/w/${record.number}`]
        : []),
    ].join(',')
    if (data.length > MAX_OPTIONS) {
      throw new EngineError('invalid_argument', `snapshot ${key}: too many layers (${lowerDirs.length})`)
    }
    return [{ type: 'overlay', source: 'overlay', target, data }]
  }

  async commit(
    name: string,
    key: string,
    options: { usage?: { size: number; inodes: number } } = {},
  ): Promise<void> {
    await this.#open()
    const usage = options.usage ?? (await usageOf(this.#directory(this.#get(key))))
    const record = this.#get(key)
    if (record.kind !== 'active')
      throw new EngineError('invalid_argument', `snapshot ${key}: already committed`)
    if (this.#records.has(name)) throw new EngineError('already_exists', `snapshot ${name}: already exists`)
    const committed: Record = { ...record, name, kind: 'committed', usage }
    this.#records.set(name, committed)
    try {
      // Whoever knows the usage has written and synced the files; others have not.
      if (!options.usage) this.#kernel?.syncFilesystem(this.#directory(record))
      await writeJson(this.#metadata(committed), committed)
    } catch (error) {
      this.#records.delete(name)
      throw error
    }
    this.#records.delete(key)
    await rm(this.#work(record), { recursive: true, force: true })
  }

  async remove(name: string): Promise<void> {
    await this.#open()
    const record = this.#records.get(name)
    if (!record) return
    for (const other of this.#records.values()) {
      if (other.parent === name) {
        throw new EngineError('conflict', `snapshot ${name}: in use by snapshot ${other.name}`)
      }
    }
    this.#records.delete(name)
    await rm(this.#metadata(record), { force: true })
    await rm(this.#directory(record), { recursive: true, force: true })
    await rm(this.#work(record), { recursive: true, force: true })
  }

  async stat(name: string): Promise<SnapshotInfo | undefined> {
    await this.#open()
    const record = this.#records.get(name)
    return record && infoOf(record)
  }

  async *walk(): AsyncIterable<SnapshotInfo> {
    await this.#open()
    for (const record of [...this.#records.values()]) yield infoOf(record)
  }

  async usage(name: string): Promise<{ size: number; inodes: number }> {
    await this.#open()
    const record = this.#get(name)
    return record.usage ?? usageOf(this.#directory(record))
  }

  async upperDir(name: string): Promise<string> {
    await this.#open()
    return this.#directory(this.#get(name))
  }

  async layerDirs(name: string): Promise<string[]> {
    await this.#open()
    return this.#lineage(name).map((record) => this.#directory(record))
  }

  #open(): Promise<void> {
    this.#opened ??= this.#load()
    return this.#opened
  }

  async #load(): Promise<void> {
    // `e`: the empty lower layer that overlay insists on.
    for (const name of ['', 'm', 'w', 'e']) {
      await mkdir(join(this.#root, name), { recursive: true, mode: name === 'e' ? 0o755 : 0o700 })
    }
    if (this.#short !== this.#root) {
      await rm(this.#short, { force: true })
      await symlink(this.#root, this.#short)
    }
    for await (const entry of await opendir(join(this.#root, 'm'))) {
      const record = await this.#read(join(this.#root, 'm', entry.name))
      if (!record) continue
      this.#records.set(record.name, record)
      this.#next = Math.max(this.#next, record.number + 1)
    }
    await this.#sweep()
  }

  /** A record that a crash cut off never was: its directory goes with the sweep. */
  async #read(path: string): Promise<Record | undefined> {
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Record), await readFile(path, 'utf8'))
    const whole = parsed.success && (await exists(join(this.#root, String(parsed.output.number))))
    if (whole) return parsed.output
    await rm(path, { force: true })
    return undefined
  }

  async #sweep(): Promise<void> {
    const known = new Set([...this.#records.values()].map(({ number }) => String(number)))
    for (const directory of [this.#root, join(this.#root, 'w')]) {
      for (const name of await readdir(directory)) {
        if (/^\d+$/.test(name) && !known.has(name))
          await rm(join(directory, name), { recursive: true, force: true })
      }
    }
  }

  #get(name: string): Record {
    const record = this.#records.get(name)
    if (!record) throw new EngineError('not_found', `snapshot ${name}: not found`)
    return record
  }

  #lineage(name: string | undefined): Record[] {
    const chain: Record[] = []
    for (let next = name; next !== undefined; next = chain.at(-1)?.parent) chain.push(this.#get(next))
    return chain
  }

  #directory(record: Record): string {
    return join(this.#root, String(record.number))
  }

  #work(record: Record): string {
    return join(this.#root, 'w', String(record.number))
  }

  #metadata(record: Record): string {
    return join(this.#root, 'm', `${record.number}.json`)
  }
}

function infoOf(record: Record): SnapshotInfo {
  return { name: record.name, parent: record.parent, kind: record.kind }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
