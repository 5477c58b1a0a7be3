/** Schemas of the bodies of create, update and exec: types only; meaning is checked by host-config.ts and create.ts. */
import * as v from 'valibot'

const maybe = <S extends v.GenericSchema>(schema: S) => v.nullish(schema)
const text = maybe(v.string())
const flag = maybe(v.boolean())
const number = maybe(v.pipe(v.number(), v.integer()))
const texts = maybe(v.array(v.string()))
const orElse = <S extends v.GenericSchema, T>(schema: S, value: T) =>
  v.pipe(
    v.nullable(schema),
    v.transform((given) => given ?? value),
  )
/** In Go a null member of a map is the empty value. */
const map = maybe(v.record(v.string(), orElse(v.string(), '')))
const set = maybe(v.record(v.string(), orElse(v.looseObject({}), {})))
/** Old clients send a command as one string. */
const command = maybe(
  v.union([
    v.array(v.string()),
    v.pipe(
      v.string(),
      v.transform((line) => [line]),
    ),
  ]),
)
/** Members of a list's elements that are not there are empty, as in Go. */
const word = v.optional(v.string(), '')
const amount = v.optional(v.number(), 0)
const pathRate = maybe(v.array(v.object({ Path: word, Rate: amount })))

const health = v.object({
  Test: texts,
  Interval: number,
  Timeout: number,
  StartPeriod: number,
  StartInterval: number,
  Retries: number,
})

const configEntries = {
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: set,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: texts,
  Cmd: command,
  Healthcheck: maybe(health),
  ArgsEscaped: flag,
  Image: text,
  Volumes: set,
  WorkingDir: text,
  Entrypoint: command,
  NetworkDisabled: flag,
  MacAddress: text,
  OnBuild: texts,
  Labels: map,
  StopSignal: text,
  StopTimeout: number,
  Shell: texts,
} as const

const resourceEntries = {
  Memory: number,
  MemorySwap: number,
  MemoryReservation: number,
  MemorySwappiness: number,
  NanoCpus: number,
  CpuShares: number,
  CpuPeriod: number,
  CpuQuota: number,
  CpuRealtimePeriod: number,
  CpuRealtimeRuntime: number,
  CpusetCpus: text,
  CpusetMems: text,
  BlkioWeight: number,
  BlkioWeightDevice: maybe(v.array(v.object({ Path: word, Weight: amount }))),
  BlkioDeviceReadBps: pathRate,
  BlkioDeviceWriteBps: pathRate,
  BlkioDeviceReadIOps: pathRate,
  BlkioDeviceWriteIOps: pathRate,
  Devices: maybe(
    v.array(
      v.object({
        PathOnHost: word,
        PathInContainer: word,
        CgroupPermissions: v.optional(v.string(), 'rwm'),
      }),
    ),
  ),
  DeviceCgroupRules: texts,
  DeviceRequests: maybe(v.array(v.looseObject({}))),
  OomKillDisable: flag,
  PidsLimit: number,
  Ulimits: maybe(v.array(v.object({ Name: word, Soft: amount, Hard: amount }))),
  CgroupParent: text,
  CpuCount: number,
  CpuPercent: number,
  IOMaximumIOps: number,
  IOMaximumBandwidth: number,
  KernelMemory: number,
  KernelMemoryTCP: number,
} as const

const binding = v.object({ HostIp: text, HostPort: text })
const restartPolicy = v.object({ Name: text, MaximumRetryCount: number })

const mount = v.object({
  Target: text,
  Source: text,
  Type: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: maybe(
    v.object({
      Propagation: text,
      NonRecursive: flag,
      CreateMountpoint: flag,
      ReadOnlyNonRecursive: flag,
      ReadOnlyForceRecursive: flag,
    }),
  ),
  VolumeOptions: maybe(
    v.object({
      NoCopy: flag,
      Labels: map,
      Subpath: text,
      DriverConfig: maybe(v.object({ Name: text, Options: map })),
    }),
  ),
  TmpfsOptions: maybe(
    v.object({ SizeBytes: number, Mode: number, Options: maybe(v.array(v.array(v.string()))) }),
  ),
  ImageOptions: maybe(v.object({ Subpath: text })),
  ClusterOptions: maybe(v.looseObject({})),
})

const hostConfig = v.object({
  ...resourceEntries,
  Binds: texts,
  ContainerIDFile: text,
  LogConfig: maybe(v.object({ Type: text, Config: map })),
  NetworkMode: text,
  PortBindings: maybe(v.record(v.string(), maybe(v.array(binding)))),
  RestartPolicy: maybe(restartPolicy),
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: texts,
  Mounts: maybe(v.array(mount)),
  ConsoleSize: maybe(v.tuple([v.number(), v.number()])),
  Annotations: map,
  CapAdd: command,
  CapDrop: command,
  CgroupnsMode: text,
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  IpcMode: text,
  Cgroup: text,
  Links: texts,
  OomScoreAdj: number,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: texts,
  StorageOpt: map,
  Tmpfs: map,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: number,
  Sysctls: map,
  Runtime: text,
  Isolation: text,
  Init: flag,
  MaskedPaths: texts,
  ReadonlyPaths: texts,
})

const endpoint = v.object({
  IPAMConfig: maybe(v.object({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: texts })),
  Links: texts,
  Aliases: texts,
  MacAddress: text,
  DriverOpts: map,
  GwPriority: number,
  NetworkID: text,
  EndpointID: text,
  Gateway: text,
  IPAddress: text,
  IPPrefixLen: number,
  IPv6Gateway: text,
  GlobalIPv6Address: text,
  GlobalIPv6PrefixLen: number,
  DNSNames: texts,
})

export const createSchema = v.object({
  ...configEntries,
  HostConfig: maybe(hostConfig),
  NetworkingConfig: maybe(v.object({ EndpointsConfig: maybe(v.record(v.string(), maybe(endpoint))) })),
})

export const configSchema = v.object(configEntries)

export const updateSchema = v.object({ ...resourceEntries, RestartPolicy: maybe(restartPolicy) })

export const execSchema = v.object({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  DetachKeys: text,
  Tty: flag,
  ConsoleSize: maybe(v.tuple([v.number(), v.number()])),
  Env: texts,
  Cmd: texts,
  Privileged: flag,
  User: text,
  WorkingDir: text,
  Detach: flag,
})

export const execStartSchema = v.object({
  Detach: flag,
  Tty: flag,
  ConsoleSize: maybe(v.tuple([v.number(), v.number()])),
})

/** Drops null and undefined members, at every depth, so that what is stored and answered has the wire types. */
export function compact<T>(value: unknown): T {
  if (Array.isArray(value)) return value.map((item) => compact(item)) as T
  if (typeof value !== 'object' || value === null) return value as T
  const result: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) {
    if (member !== null && member !== undefined) result[key] = compact(member)
  }
  return result as T
}
