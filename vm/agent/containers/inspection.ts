import type { ContainerInspect, ContainerSummary, MountPoint, PortSummary } from '../../api/containers.ts'
import { EngineError, kindOf } from '../../api/errors.ts'
import type { EndpointSettings } from '../../api/networks.ts'
import { directorySize } from '../volumes/directory-size.ts'
import type { Container } from './container.ts'
import { etcPaths } from './etc-files.ts'
import { shownLinks } from './links.ts'
import { compileFilters } from './list-filters.ts'
import type { Parts } from './parts.ts'
import { portMap } from './port-spec.ts'
import { shownHostConfig } from './shown-config.ts'
import { isRunning, stateJson, ZERO_TIME } from './state.ts'
import { statusText } from './status-text.ts'
import { millisOf } from './timestamps.ts'

export interface ListOptions {
  all: boolean
  limit?: number
  size: boolean
  filters: Record<string, string[]>
}

/** What clients see of containers: rows of `ps` and the whole of `inspect`. */
export class Inspection {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async list(options: ListOptions): Promise<ContainerSummary[]> {
    const { filters } = options
    const matches = await compileFilters(filters, {
      find: (reference) => this.#parts.table.get(reference),
      madeFrom: (reference) => this.#parts.images.madeFrom(reference),
    })
    const limit = options.limit !== undefined && options.limit > 0 ? options.limit : undefined
    // Asking for a state means: not only the running.
    const everything = options.all || limit !== undefined || filters['status'] !== undefined
    const found = this.#parts.table
      .all()
      .filter((c) => (everything || isRunning(c.state) || c.state.life.status === 'restarting') && matches(c))
    return Promise.all(found.slice(0, limit).map((container) => this.#summary(container, options.size)))
  }

  async inspect(reference: string, options: { size?: boolean } = {}): Promise<ContainerInspect> {
    const container = this.#parts.table.get(reference)
    const { record } = container
    const directory = this.#parts.store.directory(record.id)
    // Made with the first start.
    const { startedAt, error } = record.state.last
    const made = startedAt !== ZERO_TIME || error !== ''
    const paths = made ? etcPaths(directory) : { resolvConf: '', hostname: '', hosts: '' }
    return {
      Id: record.id,
      Created: record.created,
      Path: record.path,
      Args: record.args,
      State: stateJson(record.state, container.health),
      Image: record.image,
      ResolvConfPath: paths.resolvConf,
      HostnamePath: paths.hostname,
      HostsPath: paths.hosts,
      LogPath: made ? `${directory}/log` : '',
      Name: `/${record.name}`,
      RestartCount: record.restartCount,
      Driver: 'overlay2',
      Platform: 'linux',
      MountLabel: '',
      ProcessLabel: '',
      AppArmorProfile: '',
      ExecIDs: container.execs.size > 0 ? [...container.execs] : null,
      HostConfig: {
        ...shownHostConfig(record.hostConfig, this.#parts.facts.cpus),
        Links: shownLinks(this.#parts, container),
      },
      GraphDriver: {
        Name: 'overlay2',
        Data: {
          ID: record.id,
          UpperDir: (await this.#upperDir(record.id)) ?? '',
          MergedDir: this.#parts.roots.path(record.id),
        },
      },
      ...(options.size ? await this.#sizes(container) : {}),
      Mounts: mountPoints(record),
      Config: record.config,
      NetworkSettings: this.#networkSettings(container),
    }
  }

  async #summary(container: Container, withSize: boolean): Promise<ContainerSummary> {
    const { record } = container
    const annotations = record.hostConfig.Annotations
    return {
      Id: record.id,
      Names: [`/${record.name}`],
      Image: await this.#imageName(record.config.Image ?? '', record.image),
      ImageID: record.image,
      Command: commandText(record),
      Created: Math.floor(millisOf(record.created) / 1000),
      Ports: this.#ports(container),
      ...(withSize ? listedSizes(await this.#sizes(container)) : {}),
      Labels: record.config.Labels ?? {},
      State: record.state.life.status,
      Status: statusText(record.state, container.health),
      HostConfig: {
        NetworkMode: record.hostConfig.NetworkMode ?? 'bridge',
        ...(annotations && Object.keys(annotations).length > 0 ? { Annotations: annotations } : {}),
      },
      NetworkSettings: { Networks: withoutNames(this.#endpoints(container)) },
      Mounts: mountPoints(record),
    }
  }

  /** The name that was asked for, unless it means another image by now. */
  async #imageName(asked: string, id: string): Promise<string> {
    const now = await this.#imageId(asked)
    return now === id ? asked : id
  }

  async #imageId(reference: string): Promise<string | undefined> {
    try {
      return (await this.#parts.images.resolve(reference)).id
    } catch (error) {
      if (error instanceof EngineError && (error.kind === 'not_found' || error.kind === 'invalid_argument'))
        return undefined
      throw error
    }
  }

  #ports(container: Container): PortSummary[] {
    const { record } = container
    if (!container.running) return []
    const published = this.#published(container)
    const rows: PortSummary[] = published.map((port) => ({
      IP: port.hostIp,
      PrivatePort: port.containerPort,
      PublicPort: port.hostPort,
      Type: port.protocol,
    }))
    for (const key of Object.keys(record.config.ExposedPorts ?? {})) {
      const [port = '', type = 'tcp'] = key.split('/')
      if (published.some((p) => `${p.containerPort}/${p.protocol}` === `${port}/${type}`)) continue
      rows.push({ PrivatePort: Number(port), Type: type as 'tcp' | 'udp' })
    }
    return rows.sort((a, b) => a.PrivatePort - b.PrivatePort)
  }

  #published(container: Container) {
    return container.running ? this.#parts.networks.published(container.id) : []
  }

  #endpoints(container: Container): Record<string, EndpointSettings> {
    const live = container.running ? this.#parts.networks.endpoints(container.id) : undefined
    const merged: Record<string, EndpointSettings> = {}
    for (const [name, wish] of Object.entries(live ?? container.record.networks)) {
      merged[name] = { ...EMPTY_ENDPOINT, ...container.record.networks[name], ...wish }
    }
    const mode = container.record.hostConfig.NetworkMode
    if (mode === 'host' || mode === 'none') merged[mode] = { ...EMPTY_ENDPOINT }
    return merged
  }

  /** Undefined for a container that is just being removed. */
  #upperDir(id: string): Promise<string | undefined> {
    return this.#parts.snapshots.upperDir(id).catch((error: unknown) => {
      if (kindOf(error) === 'not_found') return undefined
      throw error
    })
  }

  async #sizes(container: Container): Promise<{ SizeRw: number; SizeRootFs: number }> {
    const folder = await this.#upperDir(container.id)
    const own = folder === undefined ? 0 : await directorySize(folder)
    const image = await this.#parts.images.inspect(container.record.image).catch(() => undefined)
    return { SizeRw: own, SizeRootFs: own + (image?.Size ?? 0) }
  }

  #networkSettings(container: Container): ContainerInspect['NetworkSettings'] {
    const { record } = container
    const endpoints = this.#endpoints(container)
    const bridge = endpoints['bridge']
    const netns = container.task?.netns ?? ''
    return {
      Bridge: '',
      SandboxID: container.running ? record.id : '',
      SandboxKey: netns,
      HairpinMode: false,
      LinkLocalIPv6Address: '',
      LinkLocalIPv6PrefixLen: 0,
      SecondaryIPAddresses: null,
      SecondaryIPv6Addresses: null,
      Ports: container.running ? portMap(record.config, this.#published(container)) : {},
      EndpointID: bridge?.EndpointID ?? '',
      Gateway: bridge?.Gateway ?? '',
      GlobalIPv6Address: bridge?.GlobalIPv6Address ?? '',
      GlobalIPv6PrefixLen: bridge?.GlobalIPv6PrefixLen ?? 0,
      IPAddress: bridge?.IPAddress ?? '',
      IPPrefixLen: bridge?.IPPrefixLen ?? 0,
      IPv6Gateway: bridge?.IPv6Gateway ?? '',
      MacAddress: bridge?.MacAddress ?? '',
      Networks: endpoints,
    }
  }
}

const EMPTY_ENDPOINT: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
}

/** Arguments with a space in them stand in quotes, as far as Docker goes with that. */
export function commandText({ path, args }: Pick<Container['record'], 'path' | 'args'>): string {
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ')
}

/** What Docker leaves out of lists. */
function withoutNames(endpoints: Record<string, EndpointSettings>): Record<string, EndpointSettings> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([name, one]) => [name, { ...one, Aliases: null, DNSNames: null }]),
  )
}

function listedSizes({ SizeRw, SizeRootFs }: { SizeRw: number; SizeRootFs: number }) {
  return SizeRw === 0 ? { SizeRootFs } : { SizeRw, SizeRootFs }
}

/** All but those of `--tmpfs`, which HostConfig has. */
function mountPoints({ mounts, hostConfig }: Container['record']): MountPoint[] {
  return mounts.filter((mount) => !(mount.Destination in (hostConfig.Tmpfs ?? {}))).map(mountPoint)
}

function mountPoint(mount: Container['record']['mounts'][number]): MountPoint {
  return {
    Type: mount.Type,
    ...(mount.Name ? { Name: mount.Name } : {}),
    Source: mount.Source,
    Destination: mount.Destination,
    ...(mount.Driver ? { Driver: mount.Driver } : {}),
    Mode: mount.Mode,
    RW: mount.RW,
    Propagation: mount.Propagation,
  }
}
