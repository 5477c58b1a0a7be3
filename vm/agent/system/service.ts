/** The engine about itself: version, info, disk usage, clock, configuration, shutdown. */

import { readdir } from 'node:fs/promises'
import type { ContainerSummary } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import type { ImageSummary } from '../../api/images.ts'
import type { ClockResponse, EngineConfig, MachineUsage } from '../../api/slipway.ts'
import type {
  BuildCacheRecord,
  EventMessage,
  SomeDiskUsage,
  SystemInfo,
  VersionResponse,
} from '../../api/system.ts'
import { API_VERSION, ENGINE_VERSION, MIN_API_VERSION } from '../../api/version.ts'
import type { Volume } from '../../api/volumes.ts'
import type { EventBus } from '../events.ts'
import type { Kernel } from '../linux/kernel.ts'
import type { ConfigStore } from './config-store.ts'
import { eventFilter } from './event-filter.ts'
import { machineIdentity, machineUsage } from './machine.ts'

const DISK_TYPES = ['image', 'container', 'volume', 'build-cache']

/** A clock that is off by less is left alone. */
const CLOCK_TOLERANCE = 500

export interface SystemOptions {
  /** Stable id of this engine. */
  id: string
  dataRoot: string
  events: EventBus
  kernel: Pick<Kernel, 'setClock' | 'syncFilesystem'>
  config: ConfigStore
  counts(): { running: number; paused: number; stopped: number; total: number }
  images: {
    list(options: { all?: boolean; sharedSize?: boolean }): Promise<ImageSummary[]>
    layersSize(): Promise<number>
  }
  containers: {
    list(options: {
      all: boolean
      size: boolean
      filters: Record<string, string[]>
    }): Promise<ContainerSummary[]>
  }
  volumes: { usage(): Promise<Volume[]> }
  buildCache(): Promise<BuildCacheRecord[]>
  /** What is not as it should be, one sentence each; `docker info` shows them. */
  warnings(): string[]
  /** Told of a new configuration, before it is answered. */
  onConfig(config: EngineConfig): Promise<void>
  /** Stops the containers, lets go of everything and switches the machine off. */
  powerOff(grace: number): Promise<void>
}

export class System {
  readonly #options: SystemOptions

  constructor(options: SystemOptions) {
    this.#options = options
  }

  async version(): Promise<VersionResponse> {
    const machine = await machineIdentity()
    const common = {
      ApiVersion: API_VERSION,
      MinAPIVersion: MIN_API_VERSION,
      Os: 'linux',
      Arch: machine.goArch,
      KernelVersion: machine.kernel,
      GitCommit: 'slipway',
      GoVersion: `node ${process.version}`,
      BuildTime: '2026-01-01T00:00:00.000000000+00:00',
    }
    return {
      Platform: { Name: 'Slipway' },
      Version: ENGINE_VERSION,
      ...common,
      Components: [
        { Name: 'Engine', Version: ENGINE_VERSION, Details: { ...common, Experimental: 'false' } },
      ],
    }
  }

  async info(): Promise<SystemInfo> {
    const machine = await machineIdentity()
    const counts = this.#options.counts()
    const config = this.#options.config.current
    const images = await this.#options.images.list({ all: true })
    const warnings = this.#options.warnings()
    return {
      ID: this.#options.id,
      Name: machine.name,
      Containers: counts.total,
      ContainersRunning: counts.running,
      ContainersPaused: counts.paused,
      ContainersStopped: counts.stopped,
      Images: images.length,
      Driver: 'overlay2',
      DriverStatus: [
        ['Backing Filesystem', 'extfs'],
        ['Supports d_type', 'true'],
        ['Using metacopy', 'false'],
        ['Native Overlay Diff', 'true'],
        ['userxattr', 'false'],
      ],
      DockerRootDir: this.#options.dataRoot,
      MemTotal: machine.memory,
      NCPU: machine.cpus,
      KernelVersion: machine.kernel,
      OperatingSystem: machine.system,
      OSVersion: machine.systemVersion,
      OSType: 'linux',
      Architecture: machine.architecture,
      ServerVersion: ENGINE_VERSION,
      CgroupDriver: 'cgroupfs',
      CgroupVersion: '2',
      SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
      RegistryConfig: registryConfig(config),
      Warnings: warnings.length > 0 ? warnings.map((text) => `WARNING: ${text}`) : null,
      SystemTime: new Date().toISOString(),
      NFd: (await readdir('/proc/self/fd')).length,
      // What keeps our loop busy: timers, watchers, sockets, children.
      NGoroutines: process.getActiveResourcesInfo().length,
      NEventsListener: this.#options.events.subscribers,
      ...FEATURES,
      HttpProxy: config.httpProxy,
      HttpsProxy: config.httpsProxy,
      NoProxy: config.noProxy,
      IndexServerAddress: 'https://index.docker.io/v1/',
    }
  }

  /** What was not asked for is null, as in Docker. */
  async diskUsage(types: readonly string[]): Promise<SomeDiskUsage> {
    const unknown = types.find((type) => !DISK_TYPES.includes(type))
    if (unknown !== undefined) {
      throw new EngineError('invalid_argument', `unknown object type: ${unknown}`)
    }
    const wants = (type: string) => types.length === 0 || types.includes(type)
    const { images, containers, volumes } = this.#options
    const [layersSize, imageList, containerList, volumeList, buildCache] = await Promise.all([
      wants('image') ? images.layersSize() : undefined,
      wants('image') ? images.list({ sharedSize: true }) : undefined,
      wants('container') ? containers.list({ all: true, size: true, filters: {} }) : undefined,
      wants('volume') ? volumes.usage() : undefined,
      wants('build-cache') ? this.#options.buildCache() : undefined,
    ])
    const using = (id: string) => (containerList ?? []).filter((c) => c.ImageID === id).length
    return {
      LayersSize: layersSize ?? 0,
      Images:
        imageList?.map((image) => (containerList ? { ...image, Containers: using(image.Id) } : image)) ??
        null,
      Containers: containerList ?? null,
      Volumes: volumeList ?? null,
      BuildCache: buildCache ?? null,
    }
  }

  /** Validates the filters at once; the stream then is the backlog since `since` and what follows. */
  events(options: {
    since: number | undefined
    until: number | undefined
    filters: Record<string, string[]>
    signal: AbortSignal
  }): AsyncIterable<EventMessage> {
    const { since, until } = options
    if (since !== undefined && until !== undefined && since > until) {
      throw new EngineError(
        'invalid_argument',
        `\`since\` time (${since}) cannot be after \`until\` time (${until})`,
      )
    }
    const matches = eventFilter(options.filters)
    const source = this.#options.events.subscribe({
      ...(options.since === undefined ? {} : { since: options.since }),
      ...(options.until === undefined ? {} : { until: options.until }),
      signal: options.signal,
    })
    return (async function* () {
      for await (const event of source) if (matches(event)) yield event
    })()
  }

  usage(): Promise<MachineUsage> {
    return machineUsage(this.#options.dataRoot)
  }

  get config(): EngineConfig {
    return this.#options.config.current
  }

  async setConfig(config: EngineConfig): Promise<EngineConfig> {
    await this.#options.onConfig(config)
    await this.#options.config.set(config)
    this.#options.events.publish('daemon', 'reload', this.#options.id, { name: 'slipway' })
    return config
  }

  setClock(now: number): ClockResponse {
    const offset = Date.now() - now
    const stepped = Math.abs(offset) > CLOCK_TOLERANCE
    if (stepped) this.#options.kernel.setClock(now)
    return { offset, stepped }
  }

  /** Resolves when it is as good as done; the answer can still be sent. */
  async shutdown(grace: number): Promise<void> {
    if (grace < 0 || grace > 3600) throw new EngineError('invalid_argument', `invalid grace: ${grace}`)
    await this.#options.powerOff(grace)
  }
}

const FEATURES = {
  Plugins: {
    Volume: ['local'],
    Network: ['bridge', 'host', 'null'],
    Authorization: null,
    Log: ['json-file', 'local', 'none'],
  },
  MemoryLimit: true,
  SwapLimit: true,
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  CPUShares: true,
  CPUSet: true,
  PidsLimit: true,
  IPv4Forwarding: true,
  Debug: false,
  OomKillDisable: false,
  LoggingDriver: 'json-file',
  GenericResources: null,
  Labels: [],
  ExperimentalBuild: false,
  Runtimes: { 'io.containerd.runc.v2': { path: 'crun' }, runc: { path: 'crun' } },
  DefaultRuntime: 'runc',
  Swarm: {
    NodeID: '',
    NodeAddr: '',
    LocalNodeState: 'inactive',
    ControlAvailable: false,
    Error: '',
    RemoteManagers: null,
  },
  LiveRestoreEnabled: true,
  Isolation: '',
  InitBinary: 'docker-init',
  ContainerdCommit: { ID: '' },
  RuncCommit: { ID: '' },
  InitCommit: { ID: '' },
  CDISpecDirs: [],
  FirewallBackend: { Driver: 'nftables' },
}

/** How clients show mirrors and insecure registries. */
function registryConfig(config: EngineConfig): unknown {
  const cidrs = config.insecureRegistries.filter((entry) => entry.includes('/'))
  const hosts = config.insecureRegistries.filter((entry) => !entry.includes('/'))
  const index = (name: string, mirrors: string[], secure: boolean) => ({
    Name: name,
    Mirrors: mirrors,
    Secure: secure,
    Official: name === 'docker.io',
  })
  const mirrors = config.registryMirrors.map((url) => (url.endsWith('/') ? url : `${url}/`))
  return {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
    InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8', ...cidrs],
    IndexConfigs: Object.fromEntries([
      ['docker.io', index('docker.io', mirrors, true)],
      ...hosts.map((host) => [host, index(host, [], false)] as const),
    ]),
    Mirrors: mirrors,
  }
}
