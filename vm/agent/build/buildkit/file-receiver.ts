/** A directory of the client's into one of ours: fsutil's protocol, the receiving side. */
import { chmod, type FileHandle, link, lutimes, mkdir, open, symlink, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EngineError } from '../../../api/errors.ts'
import { resolveInRoot } from '../root-path.ts'
import { permissions, typeOf } from './go-mode.ts'
import type { ClientCall } from './grpc-client.ts'
import type { MessageOf } from './proto.ts'
import { Packet, PacketType, Stat } from './session-messages.ts'

type Entry = MessageOf<typeof Stat>
interface OpenFile {
  handle: FileHandle
  path: string
  entry: Entry
}

export class FileReceiver {
  readonly #root: string
  readonly #call: ClientCall
  readonly #onBytes: (total: number) => void
  readonly #open = new Map<number, OpenFile>()
  readonly #directories: { path: string; entry: Entry }[] = []
  #next = 0
  #bytes = 0
  #complete = false

  /** Fills the existing directory `root`; nothing leaves it. `onBytes` is told how much has come so far. */
  constructor(root: string, call: ClientCall, onBytes: (total: number) => void) {
    this.#root = root
    this.#call = call
    this.#onBytes = onBytes
  }

  async run(): Promise<void> {
    try {
      for await (const bytes of this.#call.messages) {
        this.#bytes += bytes.length
        this.#onBytes(this.#bytes)
        const packet = Packet.decode(bytes)
        if (packet.type === PacketType.FIN) this.#call.end()
        if (packet.type === PacketType.ERR)
          throw new EngineError('invalid_argument', Buffer.from(packet.data).toString())
        if (packet.type === PacketType.STAT) await this.#stat(packet.stat)
        else if (packet.type === PacketType.DATA) await this.#data(packet.id, packet.data)
        if (this.#complete && this.#open.size === 0) await this.#finish()
      }
    } finally {
      this.#call.cancel()
      for (const { handle } of this.#open.values()) await handle.close()
    }
  }

  /** Entries come in order, parents first; one without anything is the last. */
  async #stat(given: Partial<Entry> | undefined): Promise<void> {
    if (given === undefined) {
      this.#complete = true
      return
    }
    const entry = Stat.decode(Stat.encode(given))
    const id = this.#next++
    const path = await this.#place(entry.path)
    switch (typeOf(entry.mode)) {
      case 'directory':
        await mkdir(path, { recursive: true })
        this.#directories.push({ path, entry })
        return
      case 'symlink':
        await symlink(entry.linkname, path)
        await lutimes(path, entry.modTime / 1e9, entry.modTime / 1e9)
        return
      case 'file':
        if (entry.linkname !== '') return link(await this.#place(entry.linkname), path)
        this.#open.set(id, { handle: await open(path, 'wx', 0o600), path, entry })
        this.#send(PacketType.REQ, id)
        return
      case 'other':
        // Sockets and devices: nothing that a build could take.
        return
    }
  }

  async #data(id: number, data: Uint8Array): Promise<void> {
    const file = this.#open.get(id)
    if (!file) throw new EngineError('invalid_argument', `data of a file that was not asked for: ${id}`)
    if (data.length > 0) {
      await file.handle.appendFile(data)
      return
    }
    this.#open.delete(id)
    await file.handle.close()
    await settle(file.path, file.entry)
  }

  async #finish(): Promise<void> {
    this.#complete = false
    for (const { path, entry } of this.#directories.reverse()) await settle(path, entry)
    this.#send(PacketType.FIN, 0)
  }

  async #place(name: string): Promise<string> {
    const path = await resolveInRoot(this.#root, name.replaceAll('\\', '/'), { followLast: false })
    if (path === this.#root) throw new EngineError('invalid_argument', `invalid path in the context: ${name}`)
    await mkdir(dirname(path), { recursive: true })
    return path
  }

  /** Not waited for: the client may not read before we have read what it sends. What fails ends the call. */
  #send(type: number, id: number): void {
    this.#call.send(Packet.encode({ type, id })).catch(() => this.#call.cancel())
  }
}

async function settle(path: string, entry: Entry): Promise<void> {
  await chmod(path, permissions(entry.mode))
  await utimes(path, entry.modTime / 1e9, entry.modTime / 1e9)
}
