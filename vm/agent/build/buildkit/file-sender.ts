/** A directory of ours into one of the client's: fsutil's protocol, the sending side. */
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from '../../../api/errors.ts'
import { goMode } from './go-mode.ts'
import type { ClientCall } from './grpc-client.ts'
import { Packet, PacketType } from './session-messages.ts'

const CHUNK = 32 * 1024

/** Sends everything below `root`; answers when the client has it. `onBytes` is told how much has gone so far. */
export async function sendFiles(
  root: string,
  call: ClientCall,
  onBytes: (total: number) => void,
): Promise<void> {
  const files = new Map<number, string>()
  let total = 0
  const send = async (packet: Parameters<typeof Packet.encode>[0]) => {
    const bytes = Packet.encode(packet)
    total += bytes.length
    onBytes(total)
    await call.send(bytes)
  }
  const walking = walk(root, send, files)
  walking.catch(() => call.cancel())
  for await (const bytes of call.messages) {
    const packet = Packet.decode(bytes)
    if (packet.type === PacketType.ERR)
      throw new EngineError('invalid_argument', Buffer.from(packet.data).toString())
    if (packet.type === PacketType.REQ) await sendFile(files.get(packet.id), packet.id, send)
    if (packet.type === PacketType.FIN) {
      await send({ type: PacketType.FIN })
      call.end()
    }
  }
  await walking
}

type Send = (packet: Parameters<typeof Packet.encode>[0]) => Promise<void>

async function walk(root: string, send: Send, files: Map<number, string>): Promise<void> {
  let id = 0
  const visit = async (path: string, name: string): Promise<void> => {
    const info = await lstat(path)
    const stat = {
      path: name,
      mode: goMode(info.mode),
      uid: info.uid,
      gid: info.gid,
      modTime: Math.floor(info.mtimeMs) * 1e6,
      ...(info.isFile() ? { size: info.size } : {}),
      ...(info.isSymbolicLink() ? { linkname: await readlink(path) } : {}),
    }
    if (info.isFile()) files.set(id, path)
    id++
    await send({ type: PacketType.STAT, stat })
    if (info.isDirectory())
      for (const child of await sorted(path)) await visit(join(path, child), `${name}/${child}`)
  }
  for (const child of await sorted(root)) await visit(join(root, child), child)
  await send({ type: PacketType.STAT })
}

/** The protocol wants names in the order of their bytes. */
async function sorted(path: string): Promise<string[]> {
  return (await readdir(path)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

async function sendFile(path: string | undefined, id: number, send: Send): Promise<void> {
  if (path === undefined)
    throw new EngineError('invalid_argument', `the client asked for file ${id}, which is none`)
  await using file = await open(path)
  const buffer = Buffer.alloc(CHUNK)
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK)
    await send({ type: PacketType.DATA, id, data: Buffer.from(buffer.subarray(0, bytesRead)) })
    if (bytesRead === 0) return
  }
}
