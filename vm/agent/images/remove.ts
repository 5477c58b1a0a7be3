/** `docker rmi` and prune: Docker's rules of untagging and deleting, in its words (daemon/images/image_delete.go). */
import { EngineError, kindOf } from '../../api/errors.ts'
import type { ImageDeleteItem, ImagesPruneResponse } from '../../api/images.ts'
import type { Digest } from '../content/store.ts'
import type { EventBus } from '../events.ts'
import { shortId } from './chain.ts'
import { booleanFilter, matchesFilters } from './filters.ts'
import type { Collector } from './gc.ts'
import type { Filters, ImageUsers } from './images.ts'
import type { Library } from './library.ts'
import { digestString, parseReference, tagString } from './reference.ts'
import type { ImageStore } from './store.ts'

/** `hard`: cannot be forced. */
interface Conflict {
  hard: boolean
  reason: string
}

export class Remover {
  readonly #store: ImageStore
  readonly #library: Library
  readonly #collector: Collector
  readonly #users: ImageUsers
  readonly #events: EventBus

  constructor(options: {
    store: ImageStore
    library: Library
    collector: Collector
    users: ImageUsers
    events: EventBus
  }) {
    this.#store = options.store
    this.#library = options.library
    this.#collector = options.collector
    this.#users = options.users
    this.#events = options.events
  }

  async remove(text: string, options: { force?: boolean; noPrune?: boolean }): Promise<ImageDeleteItem[]> {
    const id = this.#library.find(text)
    const force = options.force ?? false
    const items: ImageDeleteItem[] = []
    const bare = text.replace(/^sha256:/, '')
    const byId = id.startsWith(`sha256:${bare}`) && !this.#store.state.tags.has(nameOf(text) ?? '')
    if (byId) {
      if (isSingleRepository(this.#names(id))) {
        const conflict = this.#conflict(id, { references: false })
        if (conflict && (conflict.hard || !force)) throw unable(id, conflict)
        for (const name of this.#names(id)) await this.#untag(id, name, items)
      }
    } else if (await this.#untagNamed(id, text, force, items)) {
      return items
    }
    await this.#delete(id, items, { force, prune: options.noPrune !== true, quiet: !byId })
    return items
  }

  async prune(filters: Filters): Promise<ImagesPruneResponse> {
    for (const name of Object.keys(filters)) {
      if (!['dangling', 'label', 'label!', 'until'].includes(name)) {
        throw new EngineError('invalid_argument', `invalid filter '${name}'`)
      }
    }
    if ((filters['until'] ?? []).length > 1) {
      throw new EngineError('invalid_argument', 'more than one until filter specified', {
        details: { status: 500 },
      })
    }
    const danglingOnly = booleanFilter(filters, 'dangling') ?? true
    const { dangling: _dangling, ...rest } = filters
    const candidates = await this.#library.candidates()
    const matches = matchesFilters(rest, candidates, (text) => this.#library.find(text))
    const before = await this.#library.layersSize()
    const items: ImageDeleteItem[] = []
    for (const candidate of candidates) {
      if (danglingOnly && (candidate.tags.length > 0 || candidate.digests.length > 0)) continue
      if (this.#library.record(candidate.id).buildCache) continue
      if (!matches(candidate) || this.#users(candidate.id).length > 0) continue
      if (!this.#store.state.images.has(candidate.id) || this.#hasChildren(candidate.id)) continue
      for (const name of this.#names(candidate.id)) await this.#untag(candidate.id, name, items)
      await this.#delete(candidate.id, items, { force: false, prune: true, quiet: true })
    }
    await this.#collector.collect()
    const reclaimed = Math.max(0, before - (await this.#library.layersSize()))
    return { ImagesDeleted: items.length > 0 ? items : null, SpaceReclaimed: reclaimed }
  }

  /** True when the image keeps other names, which ends the removal. */
  async #untagNamed(id: Digest, text: string, force: boolean, items: ImageDeleteItem[]): Promise<boolean> {
    const names = this.#names(id)
    const user = this.#users(id)[0]
    if (!force && user && isSingleRepository(names)) {
      throw new EngineError(
        'conflict',
        `conflict: unable to remove repository reference "${text}" (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(id)}`,
      )
    }
    const name = nameOf(text) ?? text
    await this.#untag(id, name, items)
    const repository = repositoryOf(name)
    const left = this.#names(id).filter((other) => repositoryOf(other) === repository)
    if (!name.includes('@') && left.every((other) => other.includes('@'))) {
      for (const other of left) await this.#untag(id, other, items)
    }
    return this.#names(id).length > 0
  }

  async #delete(
    id: Digest,
    items: ImageDeleteItem[],
    options: { force: boolean; prune: boolean; quiet: boolean },
  ): Promise<void> {
    const conflict = this.#conflict(id, { references: true })
    if (conflict && (conflict.hard || !options.force)) {
      // After an untag the user got what they asked for; the image stays for who uses it.
      if (options.quiet) return
      throw unable(id, conflict)
    }
    for (const name of this.#names(id)) await this.#untag(id, name, items)
    const parent = this.#library.record(id).parent
    await this.#store.update((state) => state.images.delete(id))
    this.#library.forget(id)
    this.#events.publish('image', 'delete', id, { name: id })
    items.push({ Deleted: id })
    const { layers } = await this.#collector.collect()
    for (const layer of layers) items.push({ Deleted: layer })
    if (!options.prune || parent === undefined || !this.#store.state.images.has(parent)) return
    if (this.#names(parent).length === 0 && !this.#library.record(parent).buildCache)
      await this.#delete(parent, items, { ...options, force: false, quiet: true })
  }

  #conflict(id: Digest, options: { references: boolean }): Conflict | undefined {
    if (this.#hasChildren(id)) return { hard: true, reason: 'image has dependent child images' }
    const users = this.#users(id)
    const running = users.find((user) => user.running)
    if (running) {
      return { hard: true, reason: `image is being used by running container ${shortId(running.id)}` }
    }
    if (options.references && this.#names(id).length > 0) {
      return { hard: false, reason: 'image is referenced in multiple repositories' }
    }
    const stopped = users[0]
    return (
      stopped && { hard: false, reason: `image is being used by stopped container ${shortId(stopped.id)}` }
    )
  }

  async #untag(id: Digest, name: string, items: ImageDeleteItem[]): Promise<void> {
    const removed = await this.#store.update((state) => state.tags.delete(name) || state.digests.delete(name))
    if (!removed) return
    this.#events.publish('image', 'untag', id, { name: id })
    items.push({ Untagged: name })
  }

  #names(id: Digest): string[] {
    return [...this.#store.tagsOf(id), ...this.#store.digestsOf(id)]
  }

  #hasChildren(id: Digest): boolean {
    return [...this.#store.state.images.values()].some(({ parent }) => parent === id)
  }
}

function unable(id: Digest, { hard, reason }: Conflict): EngineError {
  const how = hard ? 'cannot be forced' : 'must be forced'
  return new EngineError('conflict', `conflict: unable to delete ${shortId(id)} (${how}) - ${reason}`)
}

/** At most one tag, and everything in one repository. */
function isSingleRepository(names: string[]): boolean {
  const tags = names.filter((name) => !name.includes('@'))
  return tags.length <= 1 && new Set(names.map(repositoryOf)).size <= 1
}

function repositoryOf(name: string): string {
  return name.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
}

/** The stored name that a text means, or undefined when it cannot be a name. */
function nameOf(text: string): string | undefined {
  try {
    const reference = parseReference(text)
    return reference.digest === undefined ? tagString(reference) : digestString(reference, reference.digest)
  } catch (error) {
    if (kindOf(error) === 'invalid_argument') return undefined
    throw error
  }
}
