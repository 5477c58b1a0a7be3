/** The networks that exist: found by name, id or the beginning of an id; kept on disk. */
import { EngineError } from '../../api/errors.ts'
import { DEFAULT_BRIDGE_OPTIONS } from './bridge-options.ts'
import type { NetworkRecord, RecordFolder } from './record.ts'

export class Catalog {
  readonly #folder: RecordFolder<NetworkRecord>
  readonly #networks = new Map<string, NetworkRecord>()

  constructor(folder: RecordFolder<NetworkRecord>) {
    this.#folder = folder
  }

  /** Reads the disk; makes the three predefined networks where they are missing. */
  async load(makeId: () => string, onBad: (name: string, error: unknown) => void): Promise<void> {
    for (const record of await this.#folder.load(onBad)) this.#networks.set(record.id, record)
    for (const name of ['bridge', 'host', 'none'] as const) {
      if (!this.all().some((network) => network.name === name)) await this.add(predefined(name, makeId()))
    }
  }

  /** In the order of creation. */
  all(): NetworkRecord[] {
    return [...this.#networks.values()].sort((a, b) => a.created.localeCompare(b.created))
  }

  /** Full id, then name, then an unambiguous beginning of an id. not_found in Docker's words. */
  find(idOrName: string): NetworkRecord {
    const exact = this.#networks.get(idOrName) ?? this.all().find((network) => network.name === idOrName)
    if (exact) return exact
    const matches = idOrName === '' ? [] : this.all().filter((network) => network.id.startsWith(idOrName))
    const [match] = matches
    if (!match) throw new EngineError('not_found', `network ${idOrName} not found`)
    if (matches.length > 1) {
      throw new EngineError(
        'invalid_argument',
        `network ${idOrName} is ambiguous (${matches.length} matches found based on ID prefix)`,
      )
    }
    return match
  }

  /** As `find`; undefined where that fails. */
  lookUp(idOrName: string): NetworkRecord | undefined {
    const exact = this.#networks.get(idOrName) ?? this.all().find((network) => network.name === idOrName)
    if (exact || idOrName === '') return exact
    const matches = this.all().filter((network) => network.id.startsWith(idOrName))
    return matches.length === 1 ? matches[0] : undefined
  }

  byId(id: string): NetworkRecord | undefined {
    return this.#networks.get(id)
  }

  async add(record: NetworkRecord): Promise<void> {
    // Visible at once, so that two creations at a time see each other's name and subnet.
    this.#networks.set(record.id, record)
    try {
      await this.#folder.save(record.id, record)
    } catch (error) {
      this.#networks.delete(record.id)
      throw error
    }
  }

  /** Writes a record that was changed in place. */
  save(record: NetworkRecord): Promise<void> {
    return this.#folder.save(record.id, record)
  }

  async remove(id: string): Promise<void> {
    await this.#folder.remove(id)
    this.#networks.delete(id)
  }
}

function predefined(name: 'bridge' | 'host' | 'none', id: string): NetworkRecord {
  const isBridge = name === 'bridge'
  return {
    version: 1,
    id,
    name,
    driver: name === 'none' ? 'null' : name,
    created: new Date().toISOString(),
    enableIPv4: true,
    enableIPv6: false,
    internal: false,
    attachable: false,
    ipamOptions: null,
    ipam: isBridge ? [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }] : [],
    chosenSubnet: false,
    options: isBridge ? { ...DEFAULT_BRIDGE_OPTIONS } : {},
    labels: {},
    bridge: isBridge ? 'docker0' : '',
  }
}
