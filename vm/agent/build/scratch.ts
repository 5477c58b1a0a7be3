/** Folders in memory for what a step must not leave on a disk: secrets, sockets, scripts. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

export class ScratchFiles {
  readonly #root: string

  /** `root` is on a tmpfs. */
  constructor(root: string) {
    this.#root = root
  }

  /** A new folder, only root's, that goes with the answer. */
  async folder(): Promise<AsyncDisposable & { path: string }> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
    const path = await mkdtemp(join(this.#root, 'step-'))
    return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
  }

  /** Drops what a killed run left. */
  clear(): Promise<void> {
    return rm(this.#root, { recursive: true, force: true })
  }
}
