import { stat } from 'node:fs/promises'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import type { EngineConfig } from '../../api/slipway.ts'
import { resolveInside } from '../containers/safe-path.ts'
import type { BindSources, LocateOptions, Place } from './bind-sources.ts'
import { classify, isPath, type Source } from './source.ts'

/** The app answers at once when it is there; a machine that has just booted waits for it to come. */
const WAIT_MS = 20_000
/** What the app may take to say whether it has a path. */
const LINK_WAIT_MS = 5_000

export interface FoldersOptions {
  /** Where the shared folders are mounted; the path below it is that of the user's computer in POSIX form. */
  root: string
  mount: { ensure(options: { signal: AbortSignal }): Promise<void> }
  config: () => Pick<EngineConfig, 'sharedFolders' | 'hostPlatform'>
  host: { wait(ms: number): Promise<boolean>; pathExists(path: string): Promise<boolean> }
  /** Folders that are always the VM's. */
  own: readonly string[]
  /** Where the engine listens. */
  socket: string
}

/** Sources of binds, by what the user shares, what the VM has and what the user's computer has. */
export class Folders implements BindSources {
  readonly #options: FoldersOptions

  constructor(options: FoldersOptions) {
    this.#options = options
  }

  isPath(source: string): boolean {
    return isPath(source, this.#options.config().hostPlatform)
  }

  async needsHost(source: string): Promise<boolean> {
    const meant = this.#classify(source)
    if (meant.kind === 'machine') return meant.hostPath !== undefined && !(await exists(source))
    return meant.kind === 'shared'
  }

  async check(source: string): Promise<void> {
    if (this.#classify(source).kind !== 'shared') await this.locate(source)
  }

  async locate(source: string, { wait = WAIT_MS }: LocateOptions = {}): Promise<Place> {
    const meant = this.#classify(source)
    switch (meant.kind) {
      case 'shared':
        return await this.#locateShared(source, meant.path, wait)
      case 'socket':
        return { path: (await exists(source)) ? source : this.#options.socket, exists: true }
      case 'foreign':
        throw denied(source)
      case 'machine':
        if (await exists(source)) return { path: source, exists: true }
        if (meant.hostPath !== undefined && (await this.#isOnHost(meant.hostPath))) throw denied(source)
        return { path: source, exists: false }
    }
  }

  async settle(ms: number): Promise<void> {
    await this.#options.host.wait(ms)
  }

  async #locateShared(source: string, path: string, wait: number): Promise<Place> {
    const { root, mount } = this.#options
    try {
      await mount.ensure({ signal: AbortSignal.timeout(wait) })
      const found = await resolveInside(root, path, { follow: true })
      return { path: found.path, exists: found.exists }
    } catch (cause) {
      const late = kindOf(cause) === 'cancelled'
      const why = late ? 'the Slipway app did not answer in time' : messageOf(cause)
      throw new EngineError('unavailable', `shared folder ${source}: ${why}`, { cause })
    }
  }

  /** An app that is not there is not asked; what it would say is then not known, and the VM's word holds. */
  async #isOnHost(path: string): Promise<boolean> {
    const { host } = this.#options
    if (!(await host.wait(LINK_WAIT_MS))) return false
    try {
      return await host.pathExists(path)
    } catch (error) {
      if (error instanceof EngineError && error.kind === 'unavailable') return false
      throw error
    }
  }

  #classify(source: string): Source {
    const { config, own } = this.#options
    const { sharedFolders, hostPlatform } = config()
    return classify(source, { sharedFolders, hostPlatform, own })
  }
}

function denied(source: string): EngineError {
  return new EngineError(
    'permission_denied',
    `Mounts denied: The path ${source} is not shared from the host and is not known to Slipway. You can share it in Settings → Shared folders.`,
  )
}

/** Whether the VM has it; what keeps it from being looked at is told. */
async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw error
  }
}
