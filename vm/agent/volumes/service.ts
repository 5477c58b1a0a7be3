import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from '../../api/errors.ts'
import type { Volume, VolumeCreateRequest, VolumesListResponse } from '../../api/volumes.ts'
import type { EventBus } from '../events.ts'
import type { BindSources } from '../folders/bind-sources.ts'
import type { Kernel, Mount } from '../linux/kernel.ts'
import { directorySize } from './directory-size.ts'
import { checkFilters, matchesLabels } from './filters.ts'
import { checkOptions, isBind, mountOf } from './local-options.ts'
import { checkVolumeName, isVolumeName } from './names.ts'
import type { Filters, MountedAt, VolumeService, VolumeUsers } from './volumes.ts'

/** Docker's mark of volumes that were made without a name. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous'

interface VolumeRecord {
  version: 1
  name: string
  createdAt: string
  labels: Record<string, string> | null
  options: Record<string, string> | null
}

export interface VolumesOptions {
  root: string
  kernel: Pick<Kernel, 'mount' | 'unmount'>
  events: EventBus
  users: VolumeUsers
  folders: Pick<BindSources, 'locate'>
}

/** The local driver: `<root>/<name>/volume.json` beside `<root>/<name>/_data`. */
export class Volumes implements VolumeService {
  readonly #options: VolumesOptions
  /** Users of each volume, and whether they were told of as mounting it. */
  readonly #mounted = new Map<string, Map<string, boolean>>()

  constructor(options: VolumesOptions) {
    this.#options = options
  }

  async create(request: VolumeCreateRequest): Promise<Volume> {
    const driver = request.Driver || 'local'
    if (driver !== 'local') {
      throw new EngineError(
        'not_found',
        `error looking up volume plugin ${driver}: plugin "${driver}" not found`,
      )
    }
    const anonymous = !request.Name
    const name = request.Name || randomBytes(32).toString('hex')
    checkVolumeName(name)
    const options = emptyToNull(request.DriverOpts)
    checkOptions(name, options)
    const existing = await this.#read(name)
    // With other options, too: Docker's local driver answers the one that is there.
    if (existing) return this.#show(existing)
    const record: VolumeRecord = {
      version: 1,
      name,
      createdAt: `${new Date().toISOString().slice(0, 19)}Z`,
      labels: anonymous ? { ...request.Labels, [ANONYMOUS_LABEL]: '' } : (request.Labels ?? null),
      options,
    }
    await this.#save(record)
    this.#options.events.publish('volume', 'create', name, { driver: 'local' })
    return this.#show(record)
  }

  async inspect(name: string): Promise<Volume> {
    return this.#show(await this.#get(name))
  }

  async list(filters: Filters): Promise<VolumesListResponse> {
    checkFilters(filters, ['dangling', 'driver', 'label', 'name'])
    const odd = filters['dangling']?.find((value) => !/^(true|false|0|1)$/.test(value))
    if (odd !== undefined) {
      throw new EngineError(
        'invalid_argument',
        `invalid filter 'dangling=[${filters['dangling']?.join(' ')}]'`,
      )
    }
    const volumes = (await this.#all()).filter((record) => this.#matches(record, filters))
    return { Volumes: volumes.map((record) => this.#show(record)), Warnings: null }
  }

  async remove(name: string, options: { force?: boolean } = {}): Promise<void> {
    const record = await this.#read(name)
    if (!record) {
      if (options.force) return
      throw missing(name)
    }
    const users = this.#options.users(name)
    if (users.length > 0) {
      throw new EngineError('conflict', `remove ${name}: volume is in use - [${users.join(', ')}]`)
    }
    await this.#delete(name)
  }

  async prune(filters: Filters): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }> {
    checkFilters(filters, ['label', 'label!', 'all'])
    const all = (filters['all'] ?? []).some((value) => value === 'true' || value === '1')
    const deleted: string[] = []
    let reclaimed = 0
    for (const record of await this.#all()) {
      if (!all && record.labels?.[ANONYMOUS_LABEL] === undefined) continue
      if (this.#options.users(record.name).length > 0 || !matchesLabels(record.labels, filters)) continue
      reclaimed += await directorySize(this.#data(record.name))
      await this.#delete(record.name)
      deleted.push(record.name)
    }
    this.#options.events.publish('volume', 'prune', '', { reclaimed: String(reclaimed) })
    return { VolumesDeleted: deleted, SpaceReclaimed: reclaimed }
  }

  async acquire(name: string, user: string, at?: MountedAt): Promise<string> {
    const record = await this.#get(name)
    const target = this.#data(name)
    const mount = await this.#mountOf(record)
    // Nothing is waited for from here on: two users of the same moment mount it once.
    const users = this.#mounted.get(name) ?? new Map<string, boolean>()
    if (mount && users.size === 0) {
      this.#options.kernel.unmount(target, { lazy: true })
      this.#options.kernel.mount(mount)
    }
    users.set(user, at !== undefined)
    this.#mounted.set(name, users)
    if (at) {
      this.#options.events.publish('volume', 'mount', name, {
        driver: 'local',
        container: user,
        destination: at.destination,
        propagation: at.propagation,
        'read/write': String(at.writable),
      })
    }
    return target
  }

  adopt(name: string, user: string): void {
    this.#mounted.set(name, (this.#mounted.get(name) ?? new Map<string, boolean>()).set(user, false))
  }

  async release(name: string, user: string): Promise<void> {
    const users = this.#mounted.get(name)
    const told = users?.get(user)
    if (!users?.delete(user)) return
    if (told) this.#options.events.publish('volume', 'unmount', name, { driver: 'local', container: user })
    if (users.size > 0) return
    this.#mounted.delete(name)
    const record = await this.#read(name)
    if (record && mountOf(record.options, this.#data(name))) {
      this.#options.kernel.unmount(this.#data(name), { lazy: true })
    }
  }

  async usage(): Promise<Volume[]> {
    const records = await this.#all()
    return Promise.all(
      records.map(async (record) => ({
        ...this.#show(record),
        UsageData: {
          Size: await directorySize(this.#data(record.name)),
          RefCount: this.#options.users(record.name).length,
        },
      })),
    )
  }

  /** A device that is a folder may be one of the user's computer. */
  async #mountOf({ name, options }: VolumeRecord): Promise<Mount | undefined> {
    const mount = mountOf(options, this.#data(name))
    if (!mount || !isBind(options)) return mount
    return { ...mount, source: (await this.#options.folders.locate(mount.source)).path }
  }

  #matches(record: VolumeRecord, filters: Filters): boolean {
    const { name, driver, dangling } = filters
    if (name && !name.some((part) => record.name.includes(part))) return false
    if (driver && !driver.includes('local')) return false
    const used = this.#options.users(record.name).length > 0
    if (dangling?.some((value) => /^(true|1)$/.test(value)) && used) return false
    if (dangling?.some((value) => /^(false|0)$/.test(value)) && !used) return false
    return matchesLabels(record.labels, filters)
  }

  #show(record: VolumeRecord): Volume {
    return {
      CreatedAt: record.createdAt,
      Driver: 'local',
      Labels: record.labels,
      Mountpoint: this.#data(record.name),
      Name: record.name,
      Options: record.options,
      Scope: 'local',
    }
  }

  #data(name: string): string {
    return join(this.#options.root, name, '_data')
  }

  async #get(name: string): Promise<VolumeRecord> {
    const record = await this.#read(name)
    if (!record) throw missing(name)
    return record
  }

  async #read(name: string): Promise<VolumeRecord | undefined> {
    if (!isVolumeName(name)) return undefined
    try {
      return JSON.parse(await readFile(join(this.#options.root, name, 'volume.json'), 'utf8')) as VolumeRecord
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  async #all(): Promise<VolumeRecord[]> {
    await mkdir(this.#options.root, { recursive: true, mode: 0o711 })
    const records = await Promise.all(
      (await readdir(this.#options.root)).sort().map((name) => this.#read(name)),
    )
    return records.filter((record) => record !== undefined)
  }

  /** Data directory first: the volume exists as soon as its record does. */
  async #save(record: VolumeRecord): Promise<void> {
    const directory = join(this.#options.root, record.name)
    await mkdir(join(directory, '_data'), { recursive: true, mode: 0o755 })
    const file = await open(join(directory, 'volume.json.tmp'), 'w', 0o600)
    try {
      await file.writeFile(JSON.stringify(record))
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(join(directory, 'volume.json.tmp'), join(directory, 'volume.json'))
  }

  async #delete(name: string): Promise<void> {
    this.#options.kernel.unmount(this.#data(name), { lazy: true })
    await rm(join(this.#options.root, name, 'volume.json'), { force: true })
    await rm(join(this.#options.root, name), { recursive: true, force: true })
    this.#options.events.publish('volume', 'destroy', name, { driver: 'local' })
  }
}

function emptyToNull(map: Record<string, string> | null | undefined): Record<string, string> | null {
  return map && Object.keys(map).length > 0 ? map : null
}

function missing(name: string): EngineError {
  return new EngineError('not_found', `get ${name}: no such volume`)
}
