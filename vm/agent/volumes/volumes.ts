/** Contract of volumes: what containers and the HTTP routes need. */
import type { Volume, VolumeCreateRequest, VolumesListResponse } from '../../api/volumes.ts'

export type Filters = Record<string, string[]>

/** Where a volume appears in a container, for the event that says so; a volume taken over silently has none. */
export interface MountedAt {
  destination: string
  propagation: string
  writable: boolean
}

export interface VolumeService {
  /** Makes it, or answers the one of that name when it fits. Without a name: anonymous. */
  create(request: VolumeCreateRequest): Promise<Volume>
  /** not_found: `get X: no such volume`. */
  inspect(name: string): Promise<Volume>
  list(filters: Filters): Promise<VolumesListResponse>
  /** conflict while a container, running or not, refers to it. */
  remove(name: string, options?: { force?: boolean }): Promise<void>
  /** Unused ones; only anonymous ones unless the filter `all` says so. */
  prune(filters: Filters): Promise<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }>
  /** Makes the volume's directory usable (mounts tmpfs and device volumes) for one user; pairs with `release`. */
  acquire(name: string, user: string, at?: MountedAt): Promise<string>
  /** Counts a user whose container runs since before this agent did: the volume is mounted already. */
  adopt(name: string, user: string): void
  release(name: string, user: string): Promise<void>
  /** Every volume with size and number of users. */
  usage(): Promise<Volume[]>
}

/** Told by the container service: ids of the containers that refer to a volume. */
export type VolumeUsers = (name: string) => string[]
