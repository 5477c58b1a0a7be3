import { posix } from 'node:path'
import type { Duplex } from 'node:stream'
import { OpenHandles } from './open-handles.ts'
import { RequestOrder } from './request-order.ts'
import { statusOf } from './sftp-status.ts'
import {
  DATA_HEADER,
  dataPacket,
  EXTENSIONS,
  MalformedPacket,
  OpenFlag,
  Packet,
  PacketReader,
  PacketSplitter,
  PacketWriter,
  Status,
  VERSION,
} from './sftp-wire.ts'
import type { SharedFiles } from './shared-files.ts'

/** Of one READ; whoever asks for more gets less, as a read at the end of a file. */
const MAX_READ = 256 * 1024
/** Requests under way; the next are left in the stream. sshfs has some tens at most. */
const MAX_PENDING = 256

type Handler = (session: SftpSession, id: number, packet: PacketReader) => Promise<Buffer>

/**
 * Serves one client of shared folders on a byte stream until that ends; then everything that it had open is closed.
 * Requests are carried out side by side as far as `RequestOrder` allows.
 */
export class SftpSession {
  readonly files: SharedFiles
  readonly handles = new OpenHandles()
  readonly order = new RequestOrder()
  readonly #stream: Duplex
  readonly #splitter = new PacketSplitter()
  /** Resolves when the stream has ended and nothing is open any more. Never rejects. */
  readonly ended: Promise<void>
  #pending = 0
  #full = false

  constructor(stream: Duplex, files: SharedFiles) {
    this.#stream = stream
    this.files = files
    this.ended = new Promise((resolve) => {
      stream.once('close', () => void this.handles[Symbol.asyncDispose]().then(resolve))
    })
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('drain', () => {
      this.#full = false
      this.#flow()
    })
    stream.on('error', () => stream.destroy())
    stream.on('end', () => stream.destroy())
  }

  #receive(chunk: Buffer): void {
    try {
      for (const packet of this.#splitter.push(chunk)) void this.#serve(packet)
    } catch {
      // Not the protocol, or not any more: where the next packet begins is unknown.
      this.#stream.destroy()
    }
    this.#flow()
  }

  async #serve(packet: Buffer): Promise<void> {
    this.#pending += 1
    this.#send(await this.#answer(packet))
    this.#pending -= 1
    this.#flow()
  }

  async #answer(packet: Buffer): Promise<Buffer> {
    const reader = new PacketReader(packet)
    const type = reader.byte()
    if (type === Packet.INIT) return await this.#init()
    let id = 0
    try {
      id = reader.uint32()
      const handler = HANDLERS[type]
      if (!handler) return statusPacket(id, Status.OP_UNSUPPORTED, `request ${type}`)
      return await handler(this, id, reader)
    } catch (error) {
      const { status, message } = statusOf(error)
      return statusPacket(id, status, message)
    }
  }

  async #init(): Promise<Buffer> {
    await this.files.ready()
    const writer = new PacketWriter(Packet.VERSION).uint32(VERSION)
    for (const [name, version] of EXTENSIONS) writer.text(name, version)
    return writer.end()
  }

  #send(packet: Buffer): void {
    if (!this.#stream.destroyed && !this.#stream.write(packet)) this.#full = true
  }

  /** Nothing more is taken in while answers are not taken off. */
  #flow(): void {
    if (this.#full || this.#pending >= MAX_PENDING) this.#stream.pause()
    else if (this.#stream.isPaused()) this.#stream.resume()
  }
}

const HANDLERS: Readonly<Record<number, Handler>> = {
  [Packet.OPEN]: open,
  [Packet.CLOSE]: async ({ handles, order }, id, packet) => {
    const handle = handleOf(packet)
    return done(
      id,
      order.change(handle, () => handles.close(handle)),
    )
  },
  [Packet.READ]: read,
  [Packet.WRITE]: write,
  [Packet.LSTAT]: async ({ files, order }, id, packet) => {
    const path = packet.text()
    return attributesPacket(id, await order.after(() => files.lstat(path), path))
  },
  [Packet.STAT]: async ({ files, order }, id, packet) => {
    const path = packet.text()
    return attributesPacket(id, await order.after(() => files.stat(path), path))
  },
  [Packet.FSTAT]: async ({ files, handles, order }, id, packet) => {
    const handle = handleOf(packet)
    const { file } = handles.file(handle)
    return attributesPacket(id, await order.afterChanges(handle, () => files.fstat(file)))
  },
  [Packet.SETSTAT]: async ({ files, order }, id, packet) => {
    const [path, attributes] = [packet.text(), packet.attributes()]
    return done(
      id,
      order.after(() => files.setAttributes(path, attributes), path),
    )
  },
  [Packet.FSETSTAT]: async ({ files, handles, order }, id, packet) => {
    const [handle, attributes] = [handleOf(packet), packet.attributes()]
    const { file } = handles.file(handle)
    return done(
      id,
      order.change(handle, () => files.setFileAttributes(file, attributes)),
    )
  },
  [Packet.OPENDIR]: async ({ files, handles, order }, id, packet) => {
    const path = packet.text()
    const folder = await order.after(() => files.openFolder(path), path)
    return handlePacket(id, await handles.add({ kind: 'folder', folder }))
  },
  [Packet.READDIR]: readFolder,
  [Packet.REMOVE]: onPath(({ files }, path) => files.remove(path)),
  [Packet.RMDIR]: onPath(({ files }, path) => files.removeFolder(path)),
  [Packet.MKDIR]: async ({ files, order }, id, packet) => {
    const [path, attributes] = [packet.text(), packet.attributes()]
    return done(
      id,
      order.after(() => files.makeFolder(path, attributes), path),
    )
  },
  [Packet.REALPATH]: async (_session, id, packet) => namePacket(id, posix.resolve('/', packet.text())),
  [Packet.READLINK]: async ({ files, order }, id, packet) => {
    const path = packet.text()
    return namePacket(id, await order.after(() => files.readLink(path), path))
  },
  [Packet.RENAME]: onPaths(({ files }, from, to) => files.rename(from, to, { replace: false })),
  // OpenSSH has the two the other way round than the draft, and everybody follows OpenSSH.
  [Packet.SYMLINK]: onPaths(({ files }, text, path) => files.makeLink(path, text)),
  [Packet.EXTENDED]: async (session, id, packet) => {
    const name = packet.text()
    const handler = EXTENDED[name]
    return handler ? await handler(session, id, packet) : statusPacket(id, Status.OP_UNSUPPORTED, name)
  },
}

const EXTENDED: Readonly<Record<string, Handler>> = {
  'posix-rename@openssh.com': onPaths(({ files }, from, to) => files.rename(from, to, { replace: true })),
  'hardlink@openssh.com': onPaths(({ files }, from, to) => files.hardLink(from, to)),
  'fsync@openssh.com': async ({ handles, order }, id, packet) => {
    const handle = handleOf(packet)
    const { file } = handles.file(handle)
    return done(
      id,
      order.afterChanges(handle, () => file.sync()),
    )
  },
  'statvfs@openssh.com': async ({ files }, id, packet) =>
    new PacketWriter(Packet.EXTENDED_REPLY)
      .uint32(id)
      .uint64(...(await files.space(packet.text())))
      .end(),
}

async function open(
  { files, handles, order }: SftpSession,
  id: number,
  packet: PacketReader,
): Promise<Buffer> {
  const [path, flags, attributes] = [packet.text(), packet.uint32(), packet.attributes()]
  const file = await order.open(path, () => files.open(path, flags, attributes))
  const append = (flags & OpenFlag.APPEND) !== 0
  return handlePacket(id, await handles.add({ kind: 'file', file, append }))
}

async function read({ handles, order }: SftpSession, id: number, packet: PacketReader): Promise<Buffer> {
  const [handle, offset, wanted] = [handleOf(packet), packet.uint64(), packet.uint32()]
  const { file } = handles.file(handle)
  const length = Math.min(wanted, MAX_READ)
  return await order.afterChanges(handle, async () => {
    const buffer = Buffer.allocUnsafe(DATA_HEADER + length)
    let size = 0
    while (size < length) {
      const { bytesRead } = await file.read(buffer, DATA_HEADER + size, length - size, offset + size)
      if (bytesRead === 0) break
      size += bytesRead
    }
    return size === 0 && length > 0
      ? statusPacket(id, Status.EOF, 'end of file')
      : dataPacket(buffer, id, size)
  })
}

async function write({ handles, order }: SftpSession, id: number, packet: PacketReader): Promise<Buffer> {
  const [handle, offset, data] = [handleOf(packet), packet.uint64(), packet.bytes()]
  const { file, append } = handles.file(handle)
  return done(
    id,
    order.change(handle, async () => {
      let written = 0
      while (written < data.length) {
        const position = append ? null : offset + written
        const { bytesWritten } = await file.write(data, written, data.length - written, position)
        written += bytesWritten
      }
    }),
  )
}

async function readFolder({ handles }: SftpSession, id: number, packet: PacketReader): Promise<Buffer> {
  const entries = await handles.folder(handleOf(packet)).read()
  if (entries.length === 0) return statusPacket(id, Status.EOF, 'no more names')
  const writer = new PacketWriter(Packet.NAME).uint32(id, entries.length)
  // The second text is a line for people, which no file system reads.
  for (const { name, attributes } of entries) writer.text(name, name).attributes(attributes)
  return writer.end()
}

function onPath(act: (session: SftpSession, path: string) => Promise<void>): Handler {
  return async (session, id, packet) => {
    const path = packet.text()
    return done(
      id,
      session.order.after(() => act(session, path), path),
    )
  }
}

function onPaths(act: (session: SftpSession, first: string, second: string) => Promise<void>): Handler {
  return async (session, id, packet) => {
    const [first, second] = [packet.text(), packet.text()]
    return done(
      id,
      session.order.after(() => act(session, first, second), first, second),
    )
  }
}

/** Handles are texts of four bytes. */
function handleOf(packet: PacketReader): number {
  const bytes = packet.bytes()
  if (bytes.length !== 4) throw new MalformedPacket('a handle that was never given')
  return bytes.readUInt32BE()
}

async function done(id: number, work: Promise<void>): Promise<Buffer> {
  await work
  return statusPacket(id, Status.OK, '')
}

function statusPacket(id: number, status: number, message: string): Buffer {
  return new PacketWriter(Packet.STATUS).uint32(id, status).text(message, '').end()
}

function handlePacket(id: number, handle: number): Buffer {
  return new PacketWriter(Packet.HANDLE).uint32(id, 4, handle).end()
}

function attributesPacket(id: number, attributes: Parameters<PacketWriter['attributes']>[0]): Buffer {
  return new PacketWriter(Packet.ATTRS).uint32(id).attributes(attributes).end()
}

function namePacket(id: number, name: string): Buffer {
  return new PacketWriter(Packet.NAME).uint32(id, 1).text(name, name).attributes({}).end()
}
