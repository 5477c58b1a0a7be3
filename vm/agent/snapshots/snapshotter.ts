/**
 * Snapshotter: filesystem layers, as in containerd's core/snapshots. Vocabulary: a *key* names an active (writable)
 * snapshot, a *name* a committed (immutable) one; images commit under their chain ID. An active snapshot never
 * becomes a parent; parents outlive children (`remove` of a parent in use is 'conflict').
 */
import type { Digest } from '../content/store.ts'
import type { Mount } from '../linux/kernel.ts'

export interface SnapshotInfo {
  name: string
  parent: string | undefined
  kind: 'active' | 'committed'
}

export interface Snapshotter {
  /** Makes a writable snapshot on top of committed `parent` (undefined: empty). already_exists, not_found. */
  prepare(key: string, parent: string | undefined): Promise<void>
  /** How to mount an active snapshot at `target`. */
  mounts(key: string, target: string, options?: { readonly?: boolean }): Promise<Mount[]>
  /**
   * Turns active `key` into committed `name`. already_exists leaves the active one alone. `usage` saves counting when
   * the caller knows it.
   */
  commit(name: string, key: string, options?: { usage?: { size: number; inodes: number } }): Promise<void>
  /** Forgets and deletes; not_found is fine. */
  remove(name: string): Promise<void>
  stat(name: string): Promise<SnapshotInfo | undefined>
  walk(): AsyncIterable<SnapshotInfo>
  /** Bytes and inodes of this snapshot alone. */
  usage(name: string): Promise<{ size: number; inodes: number }>
  /** Directory with just this snapshot's own changes (overlay upper form). */
  upperDir(name: string): Promise<string>
  /** Directories from this snapshot's own down to the base, for reading without a mount. */
  layerDirs(name: string): Promise<string[]>
}

/** A layer as a tar that need not exist. */
export interface PackedLayer {
  /** Digest of the uncompressed tar. */
  diffId: Digest
  /** Bytes of it. */
  size: number
}

export interface AppliedLayer {
  /** Digest of the uncompressed tar. */
  diffId: Digest
  /** Bytes of file content and number of inodes that the layer adds. */
  size: number
  inodes: number
}

/**
 * Applies one layer's tar to an active snapshot. Paths cannot leave the root (absolute, `..`, through symlinks);
 * whiteouts obey "never delete what this very layer wrote". What was written is on disk when it answers.
 */
export interface LayerApplier {
  /** Says that a layer comes soon, so that what takes a while to start is ready. */
  warm(): void
  /**
   * `path`: a file with the tar, plain, gzip or zstd (told by its first bytes). `onProgress` gets the bytes of it that
   * were read so far. `digest`: the verified digest of the file, which saves hashing a plain tar. Refusals are invalid_argument or data_loss naming the entry; a full disk is unavailable.
   */
  apply(
    key: string,
    path: string,
    options?: { signal?: AbortSignal; digest?: Digest; onProgress?: (bytes: number) => void },
  ): Promise<AppliedLayer>
  /**
   * Applies to `key` the layer that the changes of snapshot `source` make, without the places that a container's runtime
   * makes to mount on; `source` is left alone.
   */
  copy(source: string, key: string, options?: { signal?: AbortSignal }): Promise<AppliedLayer>
  /** The layer that the changes of a snapshot make. */
  digest(key: string, options?: { signal?: AbortSignal }): Promise<PackedLayer>
}

/** The reverse: the changes of a snapshot as a layer tar with OCI whiteouts, for commit, export and build. */
export interface LayerDiffer {
  /** The same snapshot gives the same bytes. A chunk holds until the next is asked for. */
  diff(key: string, options?: { signal?: AbortSignal }): AsyncIterable<Uint8Array>
}
