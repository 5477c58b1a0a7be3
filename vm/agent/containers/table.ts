import { EngineError } from '../../api/errors.ts'
import type { Container } from './container.ts'

/** All containers by id and name, with Docker's rules for finding one. */
export class ContainerTable {
  readonly #byId = new Map<string, Container>()
  readonly #byName = new Map<string, string>()

  /** Full id, then name, then unique id prefix. not_found and ambiguity in Docker's words. */
  get(reference: string): Container {
    if (reference === '') throw new EngineError('invalid_argument', 'invalid name or ID supplied: ""')
    const container = this.find(reference)
    if (!container) throw new EngineError('not_found', `No such container: ${reference}`)
    return container
  }

  find(reference: string): Container | undefined {
    const wanted = reference.replace(/^\//, '')
    const exact = this.#byId.get(wanted) ?? this.#named(wanted)
    if (exact) return exact
    if (!/^[0-9a-f]{1,64}$/.test(wanted)) return undefined
    const matches = [...this.#byId.values()].filter((container) => container.id.startsWith(wanted))
    if (matches.length > 1) {
      throw new EngineError('invalid_argument', `multiple IDs found with provided prefix: ${wanted}`)
    }
    return matches[0]
  }

  /** Takes `name` for `id`; conflict in Docker's words. The returned function gives it back. */
  reserve(name: string, id: string): () => void {
    const owner = this.#byName.get(name)
    if (owner !== undefined && owner !== id) {
      throw new EngineError(
        'conflict',
        `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
      )
    }
    this.#byName.set(name, id)
    return () => {
      if (this.#byName.get(name) === id) this.#byName.delete(name)
    }
  }

  /** Whether the id is in use, also by a container that is being made. */
  knows(id: string): boolean {
    return this.#byId.has(id) || [...this.#byName.values()].includes(id)
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  add(container: Container): void {
    this.#byId.set(container.id, container)
    this.#byName.set(container.name, container.id)
  }

  rename(container: Container, from: string): void {
    if (this.#byName.get(from) === container.id) this.#byName.delete(from)
    this.#byName.set(container.name, container.id)
  }

  delete(container: Container): void {
    this.#byId.delete(container.id)
    if (this.#byName.get(container.name) === container.id) this.#byName.delete(container.name)
  }

  /** Newest first, as `docker ps` shows them. */
  all(): Container[] {
    return [...this.#byId.values()].sort((a, b) => (a.record.created < b.record.created ? 1 : -1))
  }

  #named(name: string): Container | undefined {
    const id = this.#byName.get(name)
    return id === undefined ? undefined : this.#byId.get(id)
  }
}
