/** Checks of a container's host configuration, in dockerd's words, and its defaults. */
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import type { HostConfig, Resources, RestartPolicy } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import type { ResourceSupport } from '../runtime/resources.ts'

const MIN_MEMORY = 6 * 1024 * 1024
const NAMESPACE_MODE = /^(?:|host|private|shareable|none|container:.+)$/
/** What conmon's log can do, and what Docker takes for every driver. */
const LOG_OPTIONS: Record<string, readonly string[]> = {
  'json-file': ['max-size', 'max-file', 'labels', 'labels-regex', 'env', 'env-regex', 'tag', 'compress'],
  local: ['max-size', 'max-file', 'compress'],
}
const DOCKERS_DRIVERS = ['awslogs', 'fluentd', 'gcplogs', 'gelf', 'journald', 'splunk', 'syslog']
const COMMON_LOG_OPTIONS = [
  'mode',
  'max-buffer-size',
  'cache-disabled',
  'cache-max-size',
  'cache-max-file',
  'cache-compress',
]

/** Refuses what is wrong or not supported, naming the field; answers warnings for what has no effect here. */
export function checkHostConfig(
  host: HostConfig,
  support: Pick<ResourceSupport, 'ioWeight'> = { ioWeight: true },
): string[] {
  const warnings: string[] = []
  checkResources(host, warnings)
  checkWeights(host, support, warnings)
  checkRestartPolicy(host.RestartPolicy, host.AutoRemove ?? false)
  checkModes(host)
  checkUnsupported(host)
  checkLog(host)
  for (const entry of host.ExtraHosts ?? []) checkExtraHost(entry)
  if ('' in (host.Annotations ?? {})) {
    throw invalid('invalid Annotations: the empty string is not permitted as an annotation key')
  }
  if (host.NetworkMode === 'host' && Object.keys(host.PortBindings ?? {}).length > 0) {
    warnings.push('Published ports are discarded when using host network mode')
  }
  const adjust = host.OomScoreAdj ?? 0
  if (adjust < -1000 || adjust > 1000) {
    throw invalid(`Invalid value ${adjust}, range for oom score adj is [-1000, 1000]`)
  }
  if ((host.ShmSize ?? 0) < 0) throw invalid('SHM size can not be less than 0')
  return warnings
}

function checkExtraHost(entry: string): void {
  const at = entry.indexOf(':')
  if (at <= 0) throw invalid(`bad format for add-host: "${entry}"`)
  const address = entry.slice(at + 1).replace(/^\[(.*)\]$/, '$1')
  if (address !== 'host-gateway' && isIP(address) === 0) {
    throw invalid(`invalid IP address in add-host: "${entry.slice(at + 1)}"`)
  }
}

function checkWeights(
  host: HostConfig,
  support: Pick<ResourceSupport, 'ioWeight'>,
  warnings: string[],
): void {
  const weight = host.BlkioWeight ?? 0
  if (support.ioWeight) {
    if (weight !== 0 && (weight < 10 || weight > 1000))
      throw invalid('Range of blkio weight is from 10 to 1000')
    return
  }
  const missing = (what: string, thing: string) =>
    `Your kernel does not support Block I/O ${what} or the cgroup is not mounted. ${thing} discarded.`
  if (weight !== 0) warnings.push(missing('weight', 'Weight'))
  if (host.BlkioWeightDevice?.length) warnings.push(missing('weight_device', 'Weight-device'))
}

export function checkResources(r: Resources, warnings: string[]): void {
  const memory = r.Memory ?? 0
  const swap = r.MemorySwap ?? 0
  const reservation = r.MemoryReservation ?? 0
  if (memory !== 0 && memory < MIN_MEMORY) throw invalid('Minimum memory limit allowed is 6MB')
  if (swap > 0 && memory === 0) {
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage')
  }
  if (memory > 0 && swap > 0 && swap < memory) {
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage')
  }
  if (reservation > 0 && reservation < MIN_MEMORY) throw invalid('Minimum memory reservation allowed is 6MB')
  if (memory > 0 && reservation > 0 && memory < reservation) {
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage')
  }
  checkCpu(r)
  for (const [field, value] of [
    ['CpuRealtimePeriod', r.CpuRealtimePeriod],
    ['CpuRealtimeRuntime', r.CpuRealtimeRuntime],
  ] as const) {
    if (value) throw invalid(`${field}: your kernel does not support CPU real-time scheduler`)
  }
  if (r.OomKillDisable) {
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.')
  }
  if (r.MemorySwappiness != null && r.MemorySwappiness !== -1) {
    warnings.push(
      'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
    )
  }
}

function checkCpu(r: Resources): void {
  const nano = r.NanoCpus ?? 0
  const period = r.CpuPeriod ?? 0
  const quota = r.CpuQuota ?? 0
  if (nano > 0 && period > 0) {
    throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set')
  }
  if (nano > 0 && quota > 0) throw invalid('Conflicting options: Nano CPUs and CPU Quota cannot both be set')
  const cpus = availableParallelism()
  if ((r.CpuShares ?? 0) < 0) {
    throw invalid(`invalid CPU shares (${r.CpuShares}): value must be a positive integer`)
  }
  if (nano < 0 || nano > cpus * 1e9) {
    throw invalid(`range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`)
  }
  if (period !== 0 && (period < 1000 || period > 1_000_000)) {
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)')
  }
  if (quota > 0 && quota < 1000) throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)')
  checkCpuset('cpus', 'CPUs', r.CpusetCpus ?? '', cpus)
  // The machine has one memory node.
  checkCpuset('mems', 'memory nodes', r.CpusetMems ?? '', 1)
}

function checkCpuset(what: string, things: string, list: string, count: number): void {
  if (list === '') return
  if (!/^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$/.test(list)) {
    throw invalid(`Invalid value ${list} for cpuset ${what}: invalid format: ${list}`)
  }
  const highest = Math.max(...list.split(/[,-]/).map(Number))
  if (highest >= count) {
    throw invalid(
      `Requested ${things} are not available - requested ${list}, available: ${count === 1 ? '0' : `0-${count - 1}`}`,
    )
  }
}

const POLICIES = ['', 'no', 'always', 'on-failure', 'unless-stopped']

export function checkRestartPolicy(policy: RestartPolicy | undefined, autoRemove: boolean): void {
  const name = policy?.Name ?? ''
  const count = policy?.MaximumRetryCount ?? 0
  if (!POLICIES.includes(name)) {
    throw invalid(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    )
  }
  if (count < 0) throw invalid('invalid restart policy: maximum retry count cannot be negative')
  if (count > 0 && name !== 'on-failure') {
    throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'")
  }
  if (autoRemove && name !== '' && name !== 'no') {
    throw invalid("can't create 'AutoRemove' container with restart policy")
  }
}

function checkModes(host: HostConfig): void {
  if (!NAMESPACE_MODE.test(host.IpcMode ?? '')) throw invalid(`invalid IPC mode: ${host.IpcMode}`)
  if (!/^(?:|host|container:.+)$/.test(host.PidMode ?? '')) throw invalid(`invalid PID mode: ${host.PidMode}`)
  if (!/^(?:|host)$/.test(host.UTSMode ?? '')) throw invalid(`invalid UTS mode: ${host.UTSMode}`)
  if (!/^(?:|host)$/.test(host.UsernsMode ?? ''))
    throw invalid(`invalid user namespace mode: ${host.UsernsMode}`)
  if (!/^(?:|host|private)$/.test(host.CgroupnsMode ?? '')) {
    throw invalid(`invalid cgroup namespace mode: ${host.CgroupnsMode}`)
  }
}

const RUNTIMES = ['', 'runc', 'crun', 'io.containerd.runc.v2']

function checkUnsupported(host: HostConfig): void {
  const runtime = host.Runtime ?? ''
  if (!RUNTIMES.includes(runtime)) throw invalid(`unknown or invalid runtime name: ${runtime}`)
  const isolation = host.Isolation ?? ''
  if (isolation !== '' && isolation !== 'default') {
    throw invalid(`invalid isolation (${isolation}): linux only supports 'default'`)
  }
  for (const field of ['CpuCount', 'CpuPercent', 'IOMaximumIOps', 'IOMaximumBandwidth'] as const) {
    if (host[field]) throw invalid(`invalid option: ${field} is not supported on linux`)
  }
  const [storage] = Object.keys(host.StorageOpt ?? {})
  if (storage !== undefined) {
    throw ownFault(
      storage === 'size'
        ? "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
        : `Unknown option ${storage}`,
    )
  }
  if (host.Cgroup) throw invalid(`invalid Cgroup: ${host.Cgroup}: not supported`)
}

/** Devices of drivers (GPUs) fail the start, not the creation, as in dockerd. */
export function checkDeviceRequests(host: HostConfig): void {
  const request = (host.DeviceRequests as { Driver?: string; Capabilities?: string[][] }[] | undefined)?.[0]
  if (!request) return
  const wanted = (request.Capabilities ?? []).map((list) => `[${list.join(' ')}]`).join(' ')
  throw ownFault(`could not select device driver "${request.Driver ?? ''}" with capabilities: [${wanted}]`)
}

function checkLog(host: HostConfig): void {
  const type = host.LogConfig?.Type || 'json-file'
  // Without a log no option matters.
  if (type === 'none') return
  const known = LOG_OPTIONS[type]
  if (!known) {
    throw invalid(
      DOCKERS_DRIVERS.includes(type)
        ? `logger: no log driver named '${type}' is registered`
        : `error looking up logging plugin ${type}: plugin "${type}" not found`,
    )
  }
  checkLogMode(host.LogConfig?.Config ?? {})
  for (const [key, value] of Object.entries(host.LogConfig?.Config ?? {})) {
    if (!known.includes(key) && !COMMON_LOG_OPTIONS.includes(key)) {
      throw invalid(
        type === 'local'
          ? `unknown log opt '${key}' for log driver local`
          : `unknown log opt '${key}' for ${type} log driver`,
      )
    }
    if (key === 'max-size' && value !== '-1') parseLogSize(value)
    if (key === 'max-file' && !(/^[0-9]+$/.test(value) && Number(value) >= 1)) {
      throw invalid(`max-file cannot be less than 1`)
    }
  }
}

/** A container here never waits for its log, so that both modes are one. */
function checkLogMode(options: Record<string, string>): void {
  const mode = options['mode'] ?? ''
  if (!['', 'blocking', 'non-blocking'].includes(mode)) {
    throw invalid(`logger: logging mode not supported: ${mode}`)
  }
  const buffer = options['max-buffer-size']
  if (buffer === undefined) return
  if (mode !== 'non-blocking') {
    throw invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
  }
  parseLogSize(buffer)
}

/** `10m`, `1g`, `500k`, bytes. */
export function parseLogSize(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?) ?([kKmMgGtT]?)[iI]?[bB]?$/.exec(text)
  if (!match) throw invalid(`invalid size: '${text}'`)
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase())
  return Math.floor(Number(match[1]) * 1024 ** power)
}

/** What inspect shows of a host configuration that leaves things out. */
export function withDefaults(host: HostConfig): HostConfig {
  // Warned of, and without effect.
  const { OomKillDisable: _oom, MemorySwappiness: _swappiness, ...effective } = host
  return {
    ...effective,
    NetworkMode: host.NetworkMode && host.NetworkMode !== 'default' ? host.NetworkMode : 'bridge',
    LogConfig: { Type: host.LogConfig?.Type || 'json-file', Config: host.LogConfig?.Config ?? {} },
    RestartPolicy: {
      Name: host.RestartPolicy?.Name || 'no',
      MaximumRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    ShmSize: host.ShmSize || 64 * 1024 * 1024,
    Runtime: host.Runtime || 'runc',
    IpcMode: host.IpcMode || 'private',
    CgroupnsMode: host.CgroupnsMode || 'private',
    AutoRemove: host.AutoRemove ?? false,
    Privileged: host.Privileged ?? false,
    ReadonlyRootfs: host.ReadonlyRootfs ?? false,
    PublishAllPorts: host.PublishAllPorts ?? false,
    PortBindings: host.PortBindings ?? null,
    Binds: host.Binds ?? null,
    ConsoleSize: host.ConsoleSize ?? [0, 0],
    Memory: host.Memory ?? 0,
    MemorySwap: host.MemorySwap ?? (host.Memory ? host.Memory * 2 : 0),
    NanoCpus: host.NanoCpus ?? 0,
    CpuShares: host.CpuShares ?? 0,
    PidsLimit: host.PidsLimit ?? null,
  }
}

function invalid(message: string): EngineError {
  return new EngineError('invalid_argument', message)
}

/** What dockerd answers with 500 although the request is to blame. */
function ownFault(message: string): EngineError {
  return new EngineError('invalid_argument', message, { details: { status: 500 } })
}
