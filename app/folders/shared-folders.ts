import type { Duplex } from 'node:stream'
import type { HostPlatform } from '../../vm/api/host-paths.ts'
import { FOLDERS_SOCKET } from '../../vm/api/slipway.ts'
import { Appearance } from './attributes.ts'
import { CheckedPaths } from './checked-path.ts'
import { Ownership } from './ownership.ts'
import { SftpSession } from './sftp-session.ts'
import { SharedFiles } from './shared-files.ts'
import { Shares } from './shares.ts'

/** A socket in the guest that is listened on for us. */
export interface GuestListener extends AsyncDisposable {
  readonly listening: Promise<void>
}

export interface SharedFoldersOptions {
  /** The folders that are shared now, as this computer writes them. */
  readonly folders: () => readonly string[]
  readonly platform: HostPlatform
  /** Where owners that containers gave to files are kept. */
  readonly ownersFile: string
  /** Has the guest listen on a unix socket; throws when it does not run. */
  readonly listen: (path: string, onStream: (stream: Duplex) => void) => GuestListener
  readonly log: (message: string) => void
}

/**
 * The shared folders of this computer, served to the guest from when the engine first needs them until the machine
 * stops: nothing is listened on before.
 */
export class SharedFolders implements AsyncDisposable {
  readonly #options: SharedFoldersOptions
  readonly #owners: Ownership
  readonly #files: SharedFiles
  readonly #sessions = new Set<{ stream: Duplex; ended: Promise<void> }>()
  #listener: GuestListener | undefined
  #shares: { folders: readonly string[]; value: Shares } | undefined

  constructor(options: SharedFoldersOptions) {
    this.#options = options
    this.#owners = new Ownership(options.ownersFile, options.log)
    this.#files = new SharedFiles({
      paths: new CheckedPaths(() => this.#current()),
      owners: this.#owners,
      appearance: new Appearance(this.#owners),
    })
  }

  /** The engine is about to mount them. Resolves once the guest can connect; fails with 'unavailable'. */
  async serve(): Promise<void> {
    this.#listener ??= this.#options.listen(FOLDERS_SOCKET, (stream) => this.#accept(stream))
    await this.#listener.listening
  }

  /** The machine stops or is gone. */
  async stop(): Promise<void> {
    const listener = this.#listener
    this.#listener = undefined
    const sessions = [...this.#sessions]
    for (const { stream } of sessions) stream.destroy()
    await listener?.[Symbol.asyncDispose]()
    await Promise.all(sessions.map(({ ended }) => ended))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#owners[Symbol.asyncDispose]()
  }

  #accept(stream: Duplex): void {
    const { ended } = new SftpSession(stream, this.#files)
    const session = { stream, ended }
    this.#sessions.add(session)
    void ended.then(() => this.#sessions.delete(session))
  }

  #current(): Shares {
    const folders = this.#options.folders()
    if (this.#shares?.folders !== folders) {
      this.#shares = { folders, value: new Shares(folders, this.#options.platform) }
    }
    return this.#shares.value
  }
}
