/** What a spec is made of: Docker's configuration and the facts that only the machine knows. */
import type { ContainerConfig, HostConfig } from '../../api/containers.ts'
import type { Device, MappedDevice } from './devices.ts'
import type { OciMount } from './oci.ts'
import type { ResourceSupport } from './resources.ts'
import type { Arch } from './seccomp-policy.ts'
import type { ResolvedUser } from './user.ts'

export interface SpecInput {
  /** Full container id. */
  id: string
  /** The container's configuration, the image's already merged in. */
  config: ContainerConfig
  hostConfig: HostConfig
  facts: SpecFacts
}

export interface SpecFacts {
  arch: Arch
  /** Absolute path of the mounted root filesystem. */
  rootfs: string
  /** Name in the UTS namespace and in HOSTNAME; with the host's UTS namespace the machine's own. */
  hostname: string
  /** `NAME=value` of the containers that it is linked to; what the configuration says counts more. */
  linkVariables?: readonly string[]
  /** From `resolveUser` with the container's own files. */
  user: ResolvedUser
  /**
   * Everything mounted beside the defaults: volumes, binds, tmpfs of mounts, resolv.conf, hostname, hosts (see
   * `bindMount` and `tmpfsMount`). Order does not matter; one over a default (/dev/shm, /proc/…) replaces it.
   */
  mounts: readonly OciMount[]
  /**
   * Namespaces joined instead of made: `/proc/<pid>/ns/…` of the container that a `container:` mode names, and the
   * container's own network namespace where the engine makes it.
   */
  join?: Partial<Record<'pid' | 'ipc' | 'network', string>>
  /** Directory of the machine bound on /dev/shm: of an IPC namespace that is shared with others. */
  shmPath?: string
  /** docker-init in the machine; used when HostConfig.Init asks for it. */
  initPath?: string
  /** From `mapDevices(hostConfig.Devices)`. */
  devices?: readonly MappedDevice[]
  /** From `hostDevices()`, for a privileged container. */
  hostDevices?: readonly Device[]
  /** Numbers of the block devices that throttles name, by path (`blockDevice`). */
  blockDevices?: Readonly<Record<string, { major: number; minor: number }>>
  support: ResourceSupport
  /** CPUs of the machine: their thermal_throttle folders are masked. */
  cpus: number
}
