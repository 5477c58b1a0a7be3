/**
 * What Docker's API lacks, served under `/slipway/…` on the engine's own socket.
 *
 * - `GET|PUT /slipway/config`                 EngineConfig
 * - `PUT  /slipway/clock`                     ClockRequest → ClockResponse
 * - `GET|PUT /slipway/containers/{id}/ports`  PublishedPort[]
 * - `GET    /slipway/containers/{id}/files?path=/etc`  ContainerFile[] of one folder (of the file itself when it is none)
 * - `DELETE /slipway/containers/{id}/files?path=/a/b`  removes a file or folder with what is in it; 204
 * - `GET|DELETE /slipway/volumes/{name}/files?path=/`  the same of a volume, with or without a container
 * - `GET|PUT /slipway/volumes/{name}/archive?path=/`   a tar out of a volume, a tar into one of its folders
 * - `GET  /slipway/registry/tags?name=nginx`  string[]: the tags that the image's registry lists
 * - `POST /slipway/host-link`                 upgrade to `slipway-host-link`: newline-separated JSON, see below
 * - `GET  /slipway/usage`                     MachineUsage
 */

import type { HostPlatform } from './host-paths.ts'

/** What the host decides and the engine obeys; seeded at boot, changed live. */
export interface EngineConfig {
  /** Registry mirrors for Docker Hub, tried in order: `http://10.0.2.2:5000`. */
  registryMirrors: string[]
  /** `host[:port]` or CIDR spoken to over plain http (or https without verification). 127.0.0.0/8 and the host's loopback always are. */
  insecureRegistries: string[]
  /** Proxy for the engine's own requests, as in HTTP_PROXY; empty string: none. */
  httpProxy: string
  httpsProxy: string
  noProxy: string
  portModel: PortModel
  /** What registries with an authority of their own are trusted by, beside the well-known authorities. */
  registryCertificates: readonly RegistryCertificate[]
  /** Folders of the user's computer that containers may be given, in its own form: `/Users`, `C:\`. */
  sharedFolders: readonly string[]
  /** What paths of the user's computer look like. */
  hostPlatform: HostPlatform
}

/** PEM texts of one registry, as in a folder of Docker's certs.d. */
export interface RegistryCertificate {
  /** `host[:port]` as it stands in image names; where a folder's name cannot have the colon, without it. */
  registry: string
  ca: readonly string[]
  /** What the engine shows who it is with. */
  clients: readonly { certificate: string; key: string }[]
}

/** `direct`: host → container. `double`: host → VM address → container (Docker Toolbox). */
export type PortModel = 'direct' | 'double'

/** Where the guest reaches the SFTP server of the host, which has sshd listen there for it. */
export const FOLDERS_SOCKET = '/run/slipway/folders.sock'
/** Where the engine has the shared folders, each at its path on the host: `/run/slipway/folders/home/me`. */
export const FOLDERS_ROOT = '/run/slipway/folders'

/** Milliseconds since the Unix epoch on the host. */
export interface ClockRequest {
  now: number
}
/** How far the guest's clock was off, in milliseconds; it is stepped when that exceeds 500 ms. */
export interface ClockResponse {
  offset: number
  stepped: boolean
}

export interface MachineUsage {
  memory: { total: number; available: number }
  disk: { total: number; used: number }
  /** Cumulative CPU time in clock ticks since boot, all CPUs. */
  cpu: { busy: number; total: number; count: number }
  load: [number, number, number]
  uptime: number
}

/** A file of a container, running or not; symbolic links are not followed. */
export interface ContainerFile {
  name: string
  kind: 'file' | 'directory' | 'symlink' | 'other'
  size: number
  /** Permission bits. */
  mode: number
  /** Milliseconds since the epoch. */
  mtime: number
  linkTarget?: string
}

export type Protocol = 'tcp' | 'udp'

/** One published port as the user asked for it and as it came out. */
export interface PublishedPort {
  containerPort: number
  protocol: Protocol
  /**
   * Address on the host: `127.0.0.1`, `0.0.0.0`, `::1`, `::`, or another of its addresses. In requests the empty string
   * stands for the loopback of both families.
   */
  hostIp: string
  /** 0 asks for any free port; answers carry the real one. */
  hostPort: number
  /** Requests only: the first free port of `hostPort`–`hostPortEnd` is taken. */
  hostPortEnd?: number
}

/**
 * Host link. The app holds one open; the newest wins. The engine sends `HostLinkRequest` lines, the host answers each
 * with one `HostLinkReply` of the same id, in any order. Right after the upgrade the engine sends one `sync` with all
 * forwards that should exist; the host drops every other one.
 */
export type HostLinkRequest =
  | { id: number; type: 'expose'; containerId: string; containerName: string; forwards: Forward[] }
  | { id: number; type: 'unexpose'; containerId: string; forwards: Forward[] }
  | { id: number; type: 'sync'; forwards: (Forward & { containerId: string; containerName: string })[] }
  /** What the host has routes to, so that networks are not laid over it; the reply carries `subnets`. */
  | { id: number; type: 'routes' }
  /** The engine is about to mount the shared folders, or has them mounted; the reply comes when FOLDERS_SOCKET is listened on. */
  | { id: number; type: 'folders' }
  /** Whether a path (in POSIX form, see host-paths.ts) exists on the host; the reply carries `exists`. */
  | { id: number; type: 'path'; path: string }

/** One listener on the host and where its bytes go inside the VM. `key` is unique per protocol, address and port. */
export interface Forward {
  protocol: Protocol
  /** Empty: the loopback of both families. */
  hostIp: string
  /** 0: any free port. */
  hostPort: number
  /** With it: the first free port from `hostPort` to this one. */
  hostPortEnd?: number
  /** Container address on its bridge. */
  containerIp: string
  containerPort: number
  /** Double model: the VM's own published address, one hop before the container. Port 0: the same as the host's. */
  via?: { ip: string; port: number }
  /** Replies: the addresses that are listened on; empty when a `sync` could not bind (it is tried again). */
  bound?: string[]
}

export type HostLinkReply =
  /** `forwards` in the order of the request, with real host ports. Expose is all or nothing. */
  | { id: number; ok: true; forwards: Forward[]; subnets?: string[]; exists?: boolean }
  | { id: number; ok: false; kind: string; message: string; hint?: string; details?: Record<string, unknown> }
