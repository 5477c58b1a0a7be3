import type { FileHandle } from 'node:fs/promises'
import type { FolderReader } from './folder-reader.ts'
import { FileError } from './sftp-status.ts'
import { MalformedPacket } from './sftp-wire.ts'

type Opened =
  | { readonly kind: 'file'; readonly file: FileHandle; readonly append: boolean }
  | { readonly kind: 'folder'; readonly folder: FolderReader }

/** More would be a leak of the guest's. */
const MAX_OPEN = 100_000

/** What a connection has open; its end closes all of it. */
export class OpenHandles implements AsyncDisposable {
  readonly #open = new Map<number, Opened>()
  #last = 0
  #closed = false

  /** Fails with EMFILE, and closes what was opened, when there are too many or nobody is there any more. */
  async add(opened: Opened): Promise<number> {
    if (this.#closed || this.#open.size >= MAX_OPEN) {
      await close(opened)
      throw new FileError('EMFILE', `${this.#open.size} files are open`)
    }
    this.#last = (this.#last + 1) >>> 0
    this.#open.set(this.#last, opened)
    return this.#last
  }

  file(handle: number): Extract<Opened, { kind: 'file' }> {
    const opened = this.#open.get(handle)
    if (opened?.kind !== 'file') throw new MalformedPacket(`${handle} is no open file`)
    return opened
  }

  folder(handle: number): FolderReader {
    const opened = this.#open.get(handle)
    if (opened?.kind !== 'folder') throw new MalformedPacket(`${handle} is no open folder`)
    return opened.folder
  }

  async close(handle: number): Promise<void> {
    const opened = this.#open.get(handle)
    if (!opened) throw new MalformedPacket(`${handle} is not open`)
    this.#open.delete(handle)
    await close(opened)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const all = [...this.#open.values()]
    this.#open.clear()
    await Promise.allSettled(all.map(close))
  }
}

async function close(opened: Opened): Promise<void> {
  if (opened.kind === 'file') await opened.file.close()
  else await opened.folder.close()
}
