/** What a bind's source means, by its text alone. Pure. */
import { posix } from 'node:path'
import { type HostPlatform, hasDrive, posixHostPath, sharedHostPath } from '../../api/host-paths.ts'

export type Source =
  /** A path of the user's computer, in POSIX form, in one of its shared folders. */
  | { kind: 'shared'; path: string }
  /** The engine's own socket, unless the VM has something at that path. */
  | { kind: 'socket' }
  /** A path in the VM, or of the user's computer (`hostPath`) and then not shared. */
  | { kind: 'machine'; hostPath: string | undefined }
  /** Can be nothing but a path of the user's computer, and is not shared. */
  | { kind: 'foreign'; hostPath: string }

export interface SourceRules {
  sharedFolders: readonly string[]
  hostPlatform: HostPlatform
  /** Folders that are always the VM's: what the kernel shows, what the engine keeps. */
  own: readonly string[]
}

const SOCKET = 'docker.sock'

export function isPath(source: string, platform: HostPlatform): boolean {
  return source.startsWith('/') || hasDrive(source, platform)
}

/**
 * A `docker.sock` comes first: tools take the path of the one on the user's computer from DOCKER_HOST, and a socket
 * cannot be shared. Then a shared folder wins over what the VM has at that path.
 */
export function classify(source: string, { sharedFolders, hostPlatform, own }: SourceRules): Source {
  const hostPath = posixHostPath(source, hostPlatform)
  if (posix.basename(hostPath ?? source) === SOCKET) return { kind: 'socket' }
  const clean = posix.normalize(source)
  if (own.some((folder) => clean === folder || clean.startsWith(`${folder}/`))) {
    return { kind: 'machine', hostPath: undefined }
  }
  if (hostPath === undefined) return { kind: 'machine', hostPath }
  const shared = sharedHostPath(hostPath, sharedFolders, hostPlatform)
  if (shared !== undefined) return { kind: 'shared', path: shared }
  return hasDrive(source, hostPlatform) ? { kind: 'foreign', hostPath } : { kind: 'machine', hostPath }
}
