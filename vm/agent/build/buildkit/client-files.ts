/** Files of the client's as a build's contexts, fetched when the first step needs them. */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { messageOf } from '../../../api/errors.ts'
import type { ApplyKernel } from '../../snapshots/apply.ts'
import { log } from '../../system/log.ts'
import { extractTar } from '../context.ts'
import type { ContextIndex, KeptContexts } from '../kept-contexts.ts'
import { resolveInRoot } from '../root-path.ts'
import type { ContextFiles } from '../sources.ts'
import type { Session } from './session.ts'
import type { Vertex } from './vertex.ts'

interface Wish {
  session: Session
  /** Where they go; gone with the object. */
  root: string
  vertex: Vertex
  signal: AbortSignal
}

/** A small file of a context, if it is there. */
export async function textOf(files: ContextFiles, name: string): Promise<string | undefined> {
  await files.fill()
  const path = await resolveInRoot(files.root, name)
  return readFile(path, 'utf8').catch(() => undefined)
}

abstract class ClientFiles implements ContextFiles, AsyncDisposable {
  readonly root: string
  #filled: Promise<void> | undefined

  constructor(root: string) {
    this.root = root
  }

  fill(): Promise<void> {
    this.#filled ??= this.fetch()
    return this.#filled
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#filled?.catch(() => undefined)
    await this.leave()
    await rm(this.root, { recursive: true, force: true })
  }

  protected abstract fetch(): Promise<void>

  /** The last chance to keep something. */
  protected leave(): Promise<void> {
    return Promise.resolve()
  }
}

interface FolderWish extends Wish {
  name: string
  /** Stands in the progress: `transferring context:`. */
  what: string
  follow?: string[]
  exclude?: () => Promise<string[]>
  /** Where it is kept for the next build. */
  kept?: KeptContexts
}

/** A folder, or only some paths of it. */
export class ClientFolder extends ClientFiles {
  readonly #wish: FolderWish
  #received: { files: ContextIndex; size: number } | undefined

  constructor(wish: FolderWish) {
    super(wish.root)
    this.#wish = wish
  }

  protected async fetch(): Promise<void> {
    const { session, vertex, signal, name, follow = [] } = this.#wish
    await vertex.during(async () => {
      const exclude = (await this.#wish.exclude?.()) ?? []
      const id = `transferring ${this.#wish.what}:`
      let total = 0
      const onBytes = (bytes: number) => {
        total = bytes
        vertex.progress(id, bytes)
      }
      const former = await this.#wish.kept?.find(this.#key)
      this.#received = await session.receive(
        { name, exclude, follow, destination: this.root, former },
        { signal, onBytes },
      )
      vertex.progress(id, total, { done: true })
    })
  }

  protected override async leave(): Promise<void> {
    const { kept, session } = this.#wish
    if (!kept || !this.#received || session.sharedKey === '') return
    const { files, size } = this.#received
    try {
      await kept.put(this.#key, this.root, files, size)
    } catch (error) {
      // The build is done; the next one is sent everything.
      log(`keeping the build context ${this.#wish.name}: ${messageOf(error)}`)
    }
  }

  get #key(): string {
    return `${this.#wish.session.sharedKey}\0${this.#wish.name}`
  }
}

/** A tar from the client's standard input. */
export class ClientTar extends ClientFiles {
  readonly #wish: Wish & { id: string; kernel: ApplyKernel }

  constructor(wish: Wish & { id: string; kernel: ApplyKernel }) {
    super(wish.root)
    this.#wish = wish
  }

  protected async fetch(): Promise<void> {
    const { session, vertex, signal, id, kernel } = this.#wish
    await vertex.during(async () => {
      await mkdir(this.root, { recursive: true, mode: 0o755 })
      await extractTar(session.uploaded(id, { signal }), this.root, kernel, { signal })
    })
  }
}
