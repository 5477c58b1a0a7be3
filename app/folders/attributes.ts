import type { Stats } from 'node:fs'
import type { Ownership } from './ownership.ts'
import type { Attributes } from './sftp-wire.ts'

const TYPE = 0o170000
const ANYTHING = 0o755

/** Folders above the shared ones, which are not read from the disk. */
export const FOLDER_ABOVE: Attributes = {
  size: 4096,
  owner: { uid: 0, gid: 0 },
  mode: 0o040755,
  times: { atime: 0, mtime: 0 },
}

/**
 * How the guest sees a file. What is the user's own belongs to root there, unless a container gave it to somebody: nobody
 * in a container has the user's number, and tools ask whether what they work on is theirs. An app that runs as root
 * shows the numbers as they are, and really changes them.
 */
export class Appearance {
  readonly #owners: Ownership
  readonly #user: { uid: number; gid: number } | undefined
  readonly #windows: boolean

  constructor(owners: Ownership, platform: NodeJS.Platform = process.platform) {
    this.#owners = owners
    this.#user = userOf()
    this.#windows = platform === 'win32'
  }

  /** Whether this process may give files away. */
  get mayChangeOwners(): boolean {
    return this.#user?.uid === 0
  }

  of(stats: Stats): Attributes {
    return {
      size: stats.size,
      owner: this.#owner(stats),
      // Windows has no such bits: everything may be run there.
      mode: this.#windows ? (stats.mode & TYPE) | ANYTHING : stats.mode,
      times: { atime: seconds(stats.atimeMs), mtime: seconds(stats.mtimeMs) },
    }
  }

  #owner(stats: Stats): { uid: number; gid: number } {
    const given = this.mayChangeOwners ? undefined : this.#owners.get(stats)
    if (given) return given
    const { uid, gid } = stats
    return { uid: uid === this.#user?.uid ? 0 : uid, gid: gid === this.#user?.gid ? 0 : gid }
  }
}

/** Windows has no numbers for users. */
function userOf(): { uid: number; gid: number } | undefined {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()]
  return uid === undefined || gid === undefined ? undefined : { uid, gid }
}

/** Unsigned 32 bits of seconds: from 1970 until 2106. */
function seconds(ms: number): number {
  return Math.min(Math.max(Math.floor(ms / 1000), 0), 0xffffffff)
}
