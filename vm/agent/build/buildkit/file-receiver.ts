/** A directory of the client's into one of ours: fsutil's protocol, the receiving side. */
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { EngineError } from '../../../api/errors.ts'
import { Breather } from '../breather.ts'
import type { ContextIndex } from '../kept-contexts.ts'
import { permissions, typeOf } from './go-mode.ts'
import type { ClientCall } from './grpc-client.ts'
import type { MessageOf } from './proto.ts'
import { Packet, PacketType, Stat } from './session-messages.ts'

type Entry = MessageOf<typeof Stat>
interface Wanted {
  path: string
  entry: Entry
  /** Open from its first bytes on. */
  fd: number | undefined
}

export class FileReceiver {
  readonly #root: string
  readonly #call: ClientCall
  readonly #onBytes: (total: number) => void
  readonly #breather = new Breather()
  readonly #wanted = new Map<number, Wanted>()
  /** Directories that were made here: nothing is written but into these, so no link of the client's is followed. */
  readonly #directories = new Map<string, Entry | undefined>()
  /** Hard links, made when the files are there. */
  readonly #links: { from: string; to: string }[] = []
  /** What came before: a file of it that is still the same is linked, not asked for. */
  readonly #former: { root: string; files: ContextIndex } | undefined
  readonly #files = new Map<string, string>()
  #size = 0
  #next = 0
  #bytes = 0
  #complete = false

  /** Fills the existing, empty directory `root`; nothing leaves it. `onBytes` is told how much has come so far. */
  constructor(
    root: string,
    call: ClientCall,
    onBytes: (total: number) => void,
    former?: { root: string; files: ContextIndex },
  ) {
    this.#root = root
    this.#former = former
    this.#call = call
    this.#onBytes = onBytes
    this.#directories.set('', undefined)
  }

  /** Answers what came: the regular files with what tells whether they change, and their bytes together. */
  async run(): Promise<{ files: ContextIndex; size: number }> {
    try {
      for await (const bytes of this.#call.messages) {
        this.#bytes += bytes.length
        this.#onBytes(this.#bytes)
        this.#packet(Packet.decode(bytes))
        if (this.#complete && this.#wanted.size === 0) this.#finish()
        await this.#breather.breathe()
      }
    } finally {
      this.#call.cancel()
      for (const { fd } of this.#wanted.values()) if (fd !== undefined) closeSync(fd)
    }
    return { files: this.#files, size: this.#size }
  }

  #packet(packet: MessageOf<typeof Packet>): void {
    const { type, id, data } = packet
    if (type === PacketType.STAT) this.#stat(packet.stat)
    else if (type === PacketType.DATA) this.#data(id, data)
    else if (type === PacketType.FIN) this.#call.end()
    else if (type === PacketType.ERR) throw new EngineError('invalid_argument', Buffer.from(data).toString())
  }

  /** Entries come in order, parents first; one without anything is the last. */
  #stat(given: Partial<Entry> | undefined): void {
    if (given === undefined) {
      this.#complete = true
      return
    }
    const entry = Stat.decode(Stat.encode(given))
    const id = this.#next++
    const name = clean(entry.path)
    const path = `${this.#root}/${name}`
    if (name === '') throw invalid(entry.path)
    this.#directory(parentOf(name))
    switch (typeOf(entry.mode)) {
      case 'directory':
        this.#directory(name)
        this.#directories.set(name, entry)
        return
      case 'symlink':
        symlinkSync(entry.linkname, path)
        lutimesSync(path, entry.modTime / 1e9, entry.modTime / 1e9)
        return
      case 'file':
        if (entry.linkname !== '') this.#links.push({ from: this.#known(entry.linkname), to: path })
        else this.#file(id, name, { path, entry, fd: undefined })
        return
      case 'other':
        // Sockets and devices: nothing that a build could take.
        return
    }
  }

  #file(id: number, name: string, file: Wanted): void {
    const { mode, uid, gid, size, modTime } = file.entry
    const mark = [mode, uid, gid, size, modTime].join(' ')
    this.#files.set(name, mark)
    this.#size += size
    const former = this.#former
    if (former?.files.get(name) === mark && linked(`${former.root}/${name}`, file.path, size)) return
    this.#ask(id, file)
  }

  #ask(id: number, file: Wanted): void {
    this.#wanted.set(id, file)
    this.#send(PacketType.REQ, id)
  }

  #data(id: number, data: Uint8Array): void {
    const file = this.#wanted.get(id)
    if (!file) throw new EngineError('invalid_argument', `data of a file that was not asked for: ${id}`)
    file.fd ??= openSync(file.path, 'wx', 0o600)
    for (let at = 0; at < data.length; ) at += writeSync(file.fd, data, at)
    if (data.length > 0) return
    this.#wanted.delete(id)
    closeSync(file.fd)
    settle(file.path, file.entry)
  }

  #finish(): void {
    this.#complete = false
    for (const { from, to } of this.#links) linkSync(from, to)
    for (const [name, entry] of [...this.#directories].reverse())
      if (entry) settle(`${this.#root}/${name}`, entry)
    this.#send(PacketType.FIN, 0)
  }

  /** Makes it and those above unless they were made before; what is there already is a link of the client's. */
  #directory(name: string): void {
    if (this.#directories.has(name)) return
    this.#directory(parentOf(name))
    mkdirSync(`${this.#root}/${name}`)
    this.#directories.set(name, undefined)
  }

  /** A path in a directory of ours. */
  #known(text: string): string {
    const name = clean(text)
    if (name === '' || !this.#directories.has(parentOf(name))) throw invalid(text)
    return `${this.#root}/${name}`
  }

  /** Not waited for: the client may not read before we have read what it sends. What fails ends the call. */
  #send(type: number, id: number): void {
    this.#call.send(Packet.encode({ type, id })).catch(() => this.#call.cancel())
  }
}

/** False when there is nothing to link any more, not all of it, or no further link can be made. */
function linked(from: string, to: string, size: number): boolean {
  try {
    // A machine that was killed may not have written all of it to its disk.
    if (lstatSync(from).size !== size) return false
    linkSync(from, to)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

function settle(path: string, entry: Entry): void {
  chmodSync(path, permissions(entry.mode))
  utimesSync(path, entry.modTime / 1e9, entry.modTime / 1e9)
}

/** The name below the root, without detours. */
function clean(path: string): string {
  const parts = path.replaceAll('\\', '/').split('/')
  if (parts.includes('..')) throw invalid(path)
  return parts.filter((part) => part !== '' && part !== '.').join('/')
}

function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')))
}

function invalid(path: string): EngineError {
  return new EngineError('invalid_argument', `invalid path in the context: ${path}`)
}
