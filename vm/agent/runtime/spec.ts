/**
 * Docker's configuration → the complete OCI spec of a container, as Docker 28 makes it. Pure: everything that only the
 * machine knows comes in as `facts`.
 */
import type { HostConfig } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import { type Device, deviceRules } from './devices.ts'
import { bindMount, defaultMounts, mergeMounts, rootPropagation, tmpfsMount } from './mounts.ts'
import type { OciLinux, OciMount, OciNamespace, OciSpec } from './oci.ts'
import { containerProcess, INIT_IN_CONTAINER } from './process.ts'
import { ociResources } from './resources.ts'
import { seccompSection } from './seccomp.ts'
import { parseSecurityOptions } from './security-options.ts'
import type { SpecInput } from './spec-input.ts'

/** Where all containers' cgroups are, below the cgroup file system. */
export const CGROUP_PARENT = '/slipway'

const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]
export const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/** Refuses what cannot work (invalid_argument) with Docker's words where it has some. */
export function buildSpec(input: SpecInput): OciSpec {
  const { config, hostConfig, facts } = input
  const process = containerProcess(input)
  const own = ownMounts(input)
  const withHostname = hostConfig.UTSMode !== 'host'
  return {
    ociVersion: '1.2.0',
    process,
    root: { path: facts.rootfs, readonly: hostConfig.ReadonlyRootfs === true },
    ...(withHostname ? { hostname: facts.hostname } : {}),
    ...(withHostname && config.Domainname ? { domainname: config.Domainname } : {}),
    mounts: mergeMounts(
      defaultMounts({
        privileged: hostConfig.Privileged === true,
        writableCgroups:
          parseSecurityOptions(hostConfig.SecurityOpt).writableCgroups ?? hostConfig.Privileged === true,
        shmSize: hostConfig.ShmSize,
        shmPath: hostConfig.IpcMode === 'host' ? '/dev/shm' : facts.shmPath,
        noShm: hostConfig.IpcMode === 'none',
      }),
      own,
    ),
    linux: linuxSection(input, own, process.capabilities?.bounding ?? []),
    ...(hostConfig.Annotations ? { annotations: hostConfig.Annotations } : {}),
  }
}

function linuxSection(input: SpecInput, own: OciMount[], capabilities: string[]): OciLinux {
  const { id, hostConfig, facts } = input
  const privileged = hostConfig.Privileged === true
  const option = parseSecurityOptions(hostConfig.SecurityOpt).seccomp
  const seccomp = privileged ? undefined : seccompSection(option, { arch: facts.arch, capabilities })
  const mapped = privileged ? [] : (facts.devices ?? [])
  const devices: Device[] = privileged ? [...(facts.hostDevices ?? [])] : mapped.map(({ device }) => device)
  const propagation = rootPropagation(own)
  return {
    namespaces: namespaces(hostConfig, facts.join ?? {}),
    devices,
    cgroupsPath: `${cgroupParent(hostConfig)}/${id}`,
    resources: ociResources(
      hostConfig,
      deviceRules(privileged, mapped, hostConfig.DeviceCgroupRules),
      facts.support,
      (path) => {
        const numbers = facts.blockDevices?.[path]
        if (!numbers) throw new EngineError('invalid_argument', `no such device: ${path}`)
        return numbers
      },
    ),
    ...(seccomp ? { seccomp } : {}),
    sysctl: sysctls(hostConfig),
    maskedPaths: hostConfig.MaskedPaths ?? (privileged ? [] : maskedPaths(facts.cpus)),
    readonlyPaths: hostConfig.ReadonlyPaths ?? (privileged ? [] : READONLY_PATHS),
    ...(propagation ? { rootfsPropagation: propagation } : {}),
  }
}

function ownMounts({ hostConfig, facts }: SpecInput): OciMount[] {
  const tmpfs = Object.entries(hostConfig.Tmpfs ?? {}).map(([path, options]) => tmpfsMount(path, options))
  const init =
    hostConfig.Init === true && facts.initPath !== undefined
      ? [bindMount(facts.initPath, INIT_IN_CONTAINER, { readonly: true })]
      : []
  return [...facts.mounts, ...tmpfs, ...init]
}

function namespaces(hostConfig: HostConfig, join: NonNullable<SpecInput['facts']['join']>): OciNamespace[] {
  const all: OciNamespace[] = [{ type: 'mount' }]
  const add = (type: 'pid' | 'ipc' | 'network' | 'uts' | 'cgroup', mode: string | undefined) => {
    if (mode === 'host') return
    const joins = type === 'network' || mode?.startsWith('container:')
    const joined = joins ? join[type as 'pid'] : undefined
    if (mode?.startsWith('container:') && joined === undefined) {
      throw new EngineError(
        'conflict',
        `cannot join ${type} namespace of ${mode.slice('container:'.length)}: not running`,
      )
    }
    all.push(joined === undefined ? { type } : { type, path: joined })
  }
  add('network', hostConfig.NetworkMode)
  add('pid', hostConfig.PidMode)
  add('ipc', hostConfig.IpcMode)
  add('uts', hostConfig.UTSMode)
  const cgroup = hostConfig.CgroupnsMode || 'private'
  add('cgroup', cgroup)
  return all
}

/** Asked ones over Docker's defaults; the network's only where the container has a network namespace of its own. */
function sysctls(hostConfig: HostConfig): Record<string, string> {
  const mode = hostConfig.NetworkMode ?? ''
  const ownNetwork = mode !== 'host' && !mode.startsWith('container:')
  const defaults = { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' }
  return { ...(ownNetwork ? defaults : {}), ...(hostConfig.Sysctls ?? {}) }
}

function cgroupParent({ CgroupParent }: HostConfig): string {
  if (!CgroupParent) return CGROUP_PARENT
  const parts = CgroupParent.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) {
    throw new EngineError('invalid_argument', `invalid cgroup-parent "${CgroupParent}": may not contain ".."`)
  }
  return `${CGROUP_PARENT}/${parts.join('/')}`
}

export function maskedPaths(cpus: number): string[] {
  const throttles = Array.from(
    { length: cpus },
    (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`,
  )
  return [...MASKED_PATHS, ...throttles]
}
