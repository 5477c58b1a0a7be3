/** What is kept on disk: one JSON file per network, and one per running container under the run directory. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { EndpointSettings, IpamConfig } from '../../api/networks.ts'
import type { Forward, PublishedPort } from '../../api/slipway.ts'
import { writeJson } from '../content/write-json.ts'

export interface NetworkRecord {
  version: 1
  id: string
  name: string
  driver: 'bridge' | 'host' | 'null'
  /** RFC 3339. */
  created: string
  enableIPv4: boolean
  enableIPv6: boolean
  internal: boolean
  attachable: boolean
  ipamOptions: Record<string, string> | null
  /** With gateways filled in. */
  ipam: IpamConfig[]
  /** The user chose the subnet, so static addresses are allowed. */
  chosenSubnet: boolean
  options: Record<string, string>
  labels: Record<string, string>
  /** Empty for host and null. */
  bridge: string
}

/** One end of a network in a running container. */
export interface EndpointRecord {
  networkId: string
  endpointId: string
  /** `eth0`; empty on host and none. */
  interface: string
  /** The other end, in the VM. */
  link: string
  mac: string
  ipv4: string
  ipv6: string
  /** What was asked for. */
  settings: EndpointSettings
  /** Names that other containers of the network find it by. */
  names: string[]
}

/** A running container's networking; its file vanishes with the VM, as the namespaces do. */
export interface SandboxRecord {
  version: 1
  containerId: string
  containerName: string
  hostname: string
  netns: string
  endpoints: EndpointRecord[]
  /** `--dns`: where the embedded resolver forwards to instead of the VM's own server. */
  dnsServers: string[]
  /** Ports of the embedded resolver inside the namespace, once it has a user-defined network. */
  dns?: { udp: number; tcp: number }
}

/** A container's published ports, as asked for and as they came out. */
export interface PublicationRecord {
  version: 1
  containerId: string
  containerName: string
  containerIp: string
  requested: PublishedPort[]
  /** In the order of `requested`; empty while no host was connected. */
  forwards: Forward[]
}

/** A directory of small JSON files, one per object, replaced atomically. `durable`: written through to the disk. */
export class RecordFolder<T> {
  readonly #path: string
  readonly #durable: boolean

  constructor(path: string, options: { durable: boolean }) {
    this.#path = path
    this.#durable = options.durable
  }

  /** Every record; a file that cannot be read is reported to `onBad` and left where it is. */
  async load(onBad: (name: string, error: unknown) => void): Promise<T[]> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    const records: T[] = []
    for (const name of await readdir(this.#path)) {
      if (!name.endsWith('.json')) {
        await rm(join(this.#path, name), { force: true })
        continue
      }
      try {
        records.push(JSON.parse(await readFile(join(this.#path, name), 'utf8')) as T)
      } catch (error) {
        onBad(name, error)
      }
    }
    return records
  }

  async save(id: string, record: T): Promise<void> {
    await writeJson(join(this.#path, `${id}.json`), record, { durable: this.#durable })
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.#path, `${id}.json`), { force: true })
  }
}
