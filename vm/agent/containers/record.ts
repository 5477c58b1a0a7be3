/** What is kept of a container on disk: one JSON file each. */
import type { ContainerConfig, HostConfig, MountPoint } from '../../api/containers.ts'
import type { EndpointSettings } from '../../api/networks.ts'
import type { PublishedPort } from '../../api/slipway.ts'
import type { State } from './state.ts'

export const RECORD_VERSION = 1

/** A mount as it was resolved at create time. */
export interface ContainerMount extends MountPoint {
  /** Sources of `bind`, `volume` and `image` mounts are directories or files in the VM. */
  Type: 'bind' | 'volume' | 'tmpfs' | 'image'
  /** Made for this container alone: goes with `rm -v` and with auto-remove. */
  anonymous: boolean
  /** Fill an empty volume from the image at first use. */
  copyUp: boolean
  /** Id of the image of an `image` mount. */
  image?: string
  /** Path inside the volume or the image. */
  subpath?: string
  /** Mount options beyond read-only and propagation: tmpfs size and mode, nonrecursive. */
  options: string[]
  /** Make a missing bind source (the `-v` form), or refuse (the `--mount` form). */
  createSource: boolean
}

export interface ContainerRecord {
  version: typeof RECORD_VERSION
  id: string
  /** Without the leading slash. */
  name: string
  /** RFC 3339 with nanoseconds. */
  created: string
  /** Image id. */
  image: string
  config: ContainerConfig
  hostConfig: HostConfig
  /** The program and its arguments, from Entrypoint and Cmd. */
  path: string
  args: string[]
  mounts: ContainerMount[]
  /** What was asked per network; and, while running, what came of it. */
  networks: Record<string, EndpointSettings>
  endpoints: Record<string, EndpointSettings>
  /** Real published ports while running. */
  ports: PublishedPort[]
  state: State
  restartCount: number
  /** Stopped by hand: `unless-stopped` stays down after a reboot. */
  stoppedByHand: boolean
  /** Boot of the VM in which it last ran (`/proc/sys/kernel/random/boot_id`). */
  bootId: string
}
