import { posix } from 'node:path'
import { type HostPlatform, nativeHostPath, posixHostPath } from '../../vm/api/host-paths.ts'

/** One folder that is shared. */
export interface Share {
  /** As the guest sees it: `/home/me`, `/c/Users/me`. */
  readonly path: string
  /** As the user's computer writes it. */
  readonly native: string
}

/** Where a path of the guest leads: into a share, or to a folder above one, which shows only what leads to it. */
export type Place =
  | { readonly kind: 'inside'; readonly share: Share; readonly path: string; readonly native: string }
  | { readonly kind: 'above'; readonly names: readonly string[] }

/** What Windows gives a meaning of its own in a name: other streams, other folders, devices, patterns. */
const FORBIDDEN_ON_WINDOWS = /[\\:*?"<>|\0-\x1f]|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i

/** The folders that are shared, and nothing else. Pure. */
export class Shares {
  readonly all: readonly Share[]
  readonly #platform: HostPlatform

  /** Folders as the user's computer writes them; what is no absolute path there is left out. */
  constructor(folders: readonly string[], platform: HostPlatform) {
    this.#platform = platform
    this.all = folders.flatMap((folder) => {
      const path = posixHostPath(folder, platform)
      return path === undefined ? [] : { path, native: nativeHostPath(path, platform) }
    })
  }

  /** `..` and `.` are taken out of the path as it is written. Undefined: there is nothing, for the guest. */
  locate(path: string): Place | undefined {
    if (path.includes('\0')) return undefined
    const clean = posix.resolve('/', path)
    const share = this.all.find((each) => this.#within(clean, each.path))
    if (!share) return this.#above(clean)
    const rest = clean.slice(share.path === '/' ? 0 : share.path.length)
    if (this.#platform === 'win32' && rest.split('/').some((name) => FORBIDDEN_ON_WINDOWS.test(name)))
      return undefined
    const whole = share.path === '/' ? clean : share.path + rest
    return {
      kind: 'inside',
      share,
      path: rest === '/' ? '' : rest,
      native: nativeHostPath(whole, this.#platform),
    }
  }

  #above(path: string): Place | undefined {
    const prefix = path === '/' ? '/' : `${path}/`
    const names = this.all.flatMap((share) =>
      this.#fold(share.path).startsWith(this.#fold(prefix))
        ? (share.path.slice(prefix.length).split('/')[0] ?? '')
        : [],
    )
    return names.length > 0 || path === '/' ? { kind: 'above', names: [...new Set(names)] } : undefined
  }

  #within(path: string, root: string): boolean {
    if (root === '/') return true
    const [folded, start] = [this.#fold(path), this.#fold(root)]
    return folded === start || folded.startsWith(`${start}/`)
  }

  /** Names differ by more than their case only on Linux. */
  #fold(path: string): string {
    return this.#platform === 'linux' ? path : path.toLowerCase()
  }
}
