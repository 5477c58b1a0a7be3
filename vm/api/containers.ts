/**
 * Docker Engine wire types of containers. Names and optionality follow the Engine API 1.51 reference
 * (https://docs.docker.com/reference/api/engine/version/v1.51/); JSON names are Docker's own end to end.
 */
import type { EndpointSettings } from './networks.ts'

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

/** Exposed ports and volumes are sets written as objects with empty values. */
export type JsonSet = Record<string, Record<string, never>>

export interface HealthConfig {
  /** `[]` inherit · `['NONE']` disable · `['CMD', …]` exec · `['CMD-SHELL', line]` shell. */
  Test?: string[]
  /** Nanoseconds; 0 inherits. */
  Interval?: number
  Timeout?: number
  StartPeriod?: number
  StartInterval?: number
  Retries?: number
}

/** The part of a container's configuration that an image carries too. */
export interface ContainerConfig {
  Hostname?: string
  Domainname?: string
  User?: string
  AttachStdin?: boolean
  AttachStdout?: boolean
  AttachStderr?: boolean
  ExposedPorts?: JsonSet | null
  Tty?: boolean
  OpenStdin?: boolean
  StdinOnce?: boolean
  Env?: string[] | null
  Cmd?: string[] | null
  Healthcheck?: HealthConfig | null
  ArgsEscaped?: boolean
  Image?: string
  Volumes?: JsonSet | null
  WorkingDir?: string
  Entrypoint?: string[] | null
  NetworkDisabled?: boolean | null
  MacAddress?: string | null
  OnBuild?: string[] | null
  Labels?: Record<string, string> | null
  StopSignal?: string | null
  StopTimeout?: number | null
  Shell?: string[] | null
}

export interface PortBinding {
  HostIp?: string
  /** Decimal, a range `8000-8010`, or empty for an ephemeral port. */
  HostPort?: string
}
/** Key: `80/tcp`. */
export type PortMap = Record<string, PortBinding[] | null>

export interface RestartPolicy {
  Name?: '' | 'no' | 'always' | 'unless-stopped' | 'on-failure'
  MaximumRetryCount?: number
}

export interface MountSpec {
  Target?: string
  Source?: string
  Type?: 'bind' | 'volume' | 'tmpfs' | 'image' | 'npipe' | 'cluster'
  ReadOnly?: boolean
  Consistency?: string
  BindOptions?: {
    Propagation?: string
    NonRecursive?: boolean
    CreateMountpoint?: boolean
    ReadOnlyNonRecursive?: boolean
    ReadOnlyForceRecursive?: boolean
  }
  VolumeOptions?: {
    NoCopy?: boolean
    Labels?: Record<string, string>
    Subpath?: string
    DriverConfig?: { Name?: string; Options?: Record<string, string> }
  }
  TmpfsOptions?: { SizeBytes?: number; Mode?: number; Options?: string[][] }
  ImageOptions?: { Subpath?: string }
}

export interface Ulimit {
  Name: string
  Soft: number
  Hard: number
}
export interface DeviceMapping {
  PathOnHost: string
  PathInContainer: string
  CgroupPermissions: string
}
export interface ThrottleDevice {
  Path: string
  Rate: number
}

/** Limits; also the body of `update`. */
export interface Resources {
  /** Bytes; 0 = unlimited. */
  Memory?: number
  /** Memory + swap in bytes; -1 = unlimited swap. */
  MemorySwap?: number
  MemoryReservation?: number
  MemorySwappiness?: number | null
  /** CPUs × 1e9. */
  NanoCpus?: number
  CpuShares?: number
  /** Microseconds. */
  CpuPeriod?: number
  CpuQuota?: number
  CpuRealtimePeriod?: number
  CpuRealtimeRuntime?: number
  CpusetCpus?: string
  CpusetMems?: string
  BlkioWeight?: number
  BlkioWeightDevice?: { Path: string; Weight: number }[] | null
  BlkioDeviceReadBps?: ThrottleDevice[] | null
  BlkioDeviceWriteBps?: ThrottleDevice[] | null
  BlkioDeviceReadIOps?: ThrottleDevice[] | null
  BlkioDeviceWriteIOps?: ThrottleDevice[] | null
  Devices?: DeviceMapping[] | null
  DeviceCgroupRules?: string[] | null
  DeviceRequests?: unknown[] | null
  OomKillDisable?: boolean | null
  PidsLimit?: number | null
  Ulimits?: Ulimit[] | null
  CgroupParent?: string
  /** Windows only; refused when set. */
  CpuCount?: number
  CpuPercent?: number
  IOMaximumIOps?: number
  IOMaximumBandwidth?: number
  KernelMemoryTCP?: number
}

export interface HostConfig extends Resources {
  Binds?: string[] | null
  ContainerIDFile?: string
  LogConfig?: { Type?: string; Config?: Record<string, string> | null }
  /** `default` · `bridge` · `host` · `none` · `container:<id>` · a network's name. */
  NetworkMode?: string
  PortBindings?: PortMap | null
  RestartPolicy?: RestartPolicy
  AutoRemove?: boolean
  VolumeDriver?: string
  VolumesFrom?: string[] | null
  Mounts?: MountSpec[] | null
  /** Rows, columns. */
  ConsoleSize?: [number, number]
  Annotations?: Record<string, string> | null
  CapAdd?: string[] | null
  CapDrop?: string[] | null
  CgroupnsMode?: '' | 'private' | 'host'
  Dns?: string[] | null
  DnsOptions?: string[] | null
  DnsSearch?: string[] | null
  ExtraHosts?: string[] | null
  GroupAdd?: string[] | null
  IpcMode?: string
  Cgroup?: string
  Links?: string[] | null
  OomScoreAdj?: number
  PidMode?: string
  Privileged?: boolean
  PublishAllPorts?: boolean
  ReadonlyRootfs?: boolean
  SecurityOpt?: string[] | null
  StorageOpt?: Record<string, string> | null
  Tmpfs?: Record<string, string> | null
  UTSMode?: string
  UsernsMode?: string
  ShmSize?: number
  Sysctls?: Record<string, string> | null
  Runtime?: string
  Isolation?: string
  Init?: boolean | null
  MaskedPaths?: string[] | null
  ReadonlyPaths?: string[] | null
}

/** Body of `POST /containers/create`. */
export interface ContainerCreateRequest extends ContainerConfig {
  HostConfig?: HostConfig | null
  NetworkingConfig?: { EndpointsConfig?: Record<string, EndpointSettings | null> | null } | null
}
export interface ContainerCreateResponse {
  Id: string
  Warnings: string[]
}

/** One row of `ports`, as in `GET /containers/json`. */
export interface PortSummary {
  IP?: string
  PrivatePort: number
  PublicPort?: number
  Type: 'tcp' | 'udp' | 'sctp'
}

export interface MountPoint {
  Type: string
  Name?: string
  Source: string
  Destination: string
  Driver?: string
  Mode: string
  RW: boolean
  Propagation: string
}

export interface ContainerSummary {
  Id: string
  /** Each with a leading slash. */
  Names: string[]
  Image: string
  ImageID: string
  Command: string
  /** Unix seconds. */
  Created: number
  Ports: PortSummary[]
  SizeRw?: number
  SizeRootFs?: number
  Labels: Record<string, string>
  State: ContainerStatus
  /** Human text: `Up 7 seconds (Paused)`, `Exited (3) 2 minutes ago`. */
  Status: string
  HostConfig: { NetworkMode: string; Annotations?: Record<string, string> }
  NetworkSettings: { Networks: Record<string, EndpointSettings> }
  Mounts: MountPoint[]
}

export interface HealthLogEntry {
  Start: string
  End: string
  ExitCode: number
  Output: string
}
export interface Health {
  Status: 'none' | 'starting' | 'healthy' | 'unhealthy'
  FailingStreak: number
  Log: HealthLogEntry[]
}

export interface ContainerStateJson {
  Status: ContainerStatus
  Running: boolean
  Paused: boolean
  Restarting: boolean
  OOMKilled: boolean
  Dead: boolean
  Pid: number
  ExitCode: number
  Error: string
  /** RFC 3339 with nanoseconds; `0001-01-01T00:00:00Z` when never. */
  StartedAt: string
  FinishedAt: string
  Health?: Health
}

export interface ContainerInspect {
  Id: string
  Created: string
  Path: string
  Args: string[]
  State: ContainerStateJson
  /** Image id (`sha256:…`). */
  Image: string
  ResolvConfPath: string
  HostnamePath: string
  HostsPath: string
  LogPath: string
  Name: string
  RestartCount: number
  Driver: string
  Platform: string
  MountLabel: string
  ProcessLabel: string
  AppArmorProfile: string
  ExecIDs: string[] | null
  HostConfig: HostConfig
  GraphDriver: { Name: string; Data: Record<string, string> }
  SizeRw?: number
  SizeRootFs?: number
  Mounts: MountPoint[]
  Config: ContainerConfig
  NetworkSettings: {
    Bridge: string
    SandboxID: string
    SandboxKey: string
    HairpinMode?: boolean
    LinkLocalIPv6Address?: string
    LinkLocalIPv6PrefixLen?: number
    SecondaryIPAddresses?: null
    SecondaryIPv6Addresses?: null
    Ports: PortMap
    EndpointID: string
    Gateway: string
    GlobalIPv6Address: string
    GlobalIPv6PrefixLen: number
    IPAddress: string
    IPPrefixLen: number
    IPv6Gateway: string
    MacAddress: string
    Networks: Record<string, EndpointSettings>
  }
}

/** Body of `POST /containers/{id}/exec`. */
export interface ExecCreateRequest {
  AttachStdin?: boolean
  AttachStdout?: boolean
  AttachStderr?: boolean
  DetachKeys?: string
  Tty?: boolean
  ConsoleSize?: [number, number]
  Env?: string[] | null
  Cmd?: string[] | null
  Privileged?: boolean
  User?: string
  WorkingDir?: string
  Detach?: boolean
}
export interface ExecInspect {
  ID: string
  Running: boolean
  ExitCode: number | null
  ProcessConfig: { tty: boolean; entrypoint: string; arguments: string[]; privileged: boolean; user?: string }
  OpenStdin: boolean
  OpenStderr: boolean
  OpenStdout: boolean
  CanRemove: boolean
  ContainerID: string
  DetachKeys: string
  Pid: number
}

export interface TopResponse {
  Titles: string[]
  Processes: string[][]
}
/** Kind: 0 modified · 1 added · 2 deleted. */
export interface Change {
  Path: string
  Kind: 0 | 1 | 2
}

export interface CpuStats {
  cpu_usage: {
    total_usage: number
    percpu_usage?: number[]
    usage_in_kernelmode: number
    usage_in_usermode: number
  }
  system_cpu_usage?: number
  online_cpus?: number
  throttling_data: { periods: number; throttled_periods: number; throttled_time: number }
}
export interface NetworkStats {
  rx_bytes: number
  rx_packets: number
  rx_errors: number
  rx_dropped: number
  tx_bytes: number
  tx_packets: number
  tx_errors: number
  tx_dropped: number
}
export interface ContainerStats {
  id: string
  name: string
  read: string
  preread: string
  num_procs: number
  storage_stats: Record<string, never>
  pids_stats: { current?: number; limit?: number }
  cpu_stats: CpuStats
  precpu_stats: CpuStats
  memory_stats: { usage?: number; limit?: number; stats?: Record<string, number> }
  blkio_stats: {
    io_service_bytes_recursive: { major: number; minor: number; op: string; value: number }[] | null
    io_serviced_recursive: { major: number; minor: number; op: string; value: number }[] | null
    /** Of cgroup v1 only. */
    io_queue_recursive?: null
    io_service_time_recursive?: null
    io_wait_time_recursive?: null
    io_merged_recursive?: null
    io_time_recursive?: null
    sectors_recursive?: null
  }
  networks?: Record<string, NetworkStats>
}

export interface WaitResponse {
  StatusCode: number
  Error?: { Message: string }
}
export interface ContainersPruneResponse {
  ContainersDeleted: string[] | null
  SpaceReclaimed: number
}
