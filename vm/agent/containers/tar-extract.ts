/** A client's tar into a directory of a container. No entry can leave the container's filesystem. */
import { createWriteStream } from 'node:fs'
import { chmod, lchown, link, lstat, lutimes, mkdir, rm, symlink } from 'node:fs/promises'
import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { EngineError } from '../../api/errors.ts'
import { collected } from '../content/chunks.ts'
import type { Kernel } from '../linux/kernel.ts'
import { decompressed } from '../snapshots/decompress.ts'
import { isCompressed } from '../snapshots/external-compression.ts'
import { type Locate, resolveInside } from './safe-path.ts'

export interface ExtractOptions {
  kernel: Pick<Kernel, 'mknod' | 'setXattr'>
  locate: Locate
  /** Directory that exists, links resolved. */
  inside: string
  /** Refuse to replace a directory by something else and the reverse. */
  keepKinds: boolean
  /** Owner of everything, instead of the tar's own. */
  owner: { uid: number; gid: number } | undefined
  signal: AbortSignal
}

export async function extractTree(body: Readable, options: ExtractOptions): Promise<void> {
  const tar = extract()
  const { stream, gzip } = await sniffGzip(collected(body))
  const feeding = gzip
    ? pipeline(stream, createGunzip(), tar, { signal: options.signal })
    : pipeline(stream, tar, { signal: options.signal })
  feeding.catch(() => undefined)
  try {
    for await (const entry of tar) {
      await place(entry as unknown as AsyncIterable<Uint8Array>, entry.header, options)
      entry.resume()
    }
    await feeding
  } catch (error) {
    tar.destroy()
    if (error instanceof EngineError || options.signal.aborted) throw error
    throw failure(error)
  }
}

function failure(error: unknown): EngineError {
  const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC'
  const text = error instanceof Error ? error.message : String(error)
  return full
    ? new EngineError('unavailable', 'no space left on device', { cause: error, details: { status: 500 } })
    : new EngineError('invalid_argument', `Error processing tar file: ${text}`, { cause: error })
}

/** gzip is left to the caller, who needs no copies of it. */
async function sniffGzip(
  body: AsyncIterable<Uint8Array>,
): Promise<{ stream: AsyncIterable<Uint8Array>; gzip: boolean }> {
  const iterator = body[Symbol.asyncIterator]()
  const first = await iterator.next()
  const head = first.done ? new Uint8Array() : first.value
  async function* all(): AsyncIterable<Uint8Array> {
    if (head.length > 0) yield head
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  }
  if (head[0] === 0x1f && head[1] === 0x8b) return { stream: all(), gzip: true }
  return { stream: isCompressed(head) ? copies(decompressed(all())) : all(), gzip: false }
}

/** Who unpacks uses its buffer again, and a stream reads ahead. */
async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

async function place(
  entry: AsyncIterable<Uint8Array>,
  header: Header,
  options: ExtractOptions,
): Promise<void> {
  const relative = posix.normalize(`/${header.name}`)
  if (relative === '/') {
    if (header.type === 'directory') await finish(options.locate(options.inside), header, options)
    return
  }
  const wanted = posix.join(options.inside, relative)
  const parent = await resolveInside(options.locate, posix.dirname(wanted), { follow: true })
  await mkdir(parent.path, { recursive: true, mode: 0o755 })
  const path = options.locate(posix.join(parent.inside, posix.basename(wanted)))
  await clear(path, header, options, wanted)
  switch (header.type) {
    case 'directory':
      await mkdir(path, { recursive: true })
      break
    case 'symlink':
      await symlink(header.linkname ?? '', path)
      break
    case 'link': {
      const target = await resolveInside(
        options.locate,
        posix.join(options.inside, posix.normalize(`/${header.linkname ?? ''}`)),
      )
      await link(target.path, path)
      return
    }
    case 'character-device':
    case 'block-device':
    case 'fifo':
      options.kernel.mknod(
        path,
        (header.mode ?? 0) | DEVICE_TYPES[header.type],
        header.devmajor ?? 0,
        header.devminor ?? 0,
      )
      break
    case 'file':
    case 'contiguous-file':
      await pipeline(entry, createWriteStream(path, { flags: 'wx', mode: 0o600 }))
      break
    default:
      return
  }
  await finish(path, header, options)
}

const DEVICE_TYPES = { 'character-device': 0o020000, 'block-device': 0o060000, fifo: 0o010000 } as const

/** What is in the way goes; two directories are merged. */
async function clear(path: string, header: Header, options: ExtractOptions, wanted: string): Promise<void> {
  const existing = await lstat(path).catch(ignoreMissing)
  if (!existing) return
  const isDirectory = header.type === 'directory'
  if (existing.isDirectory() && isDirectory) return
  if (options.keepKinds && existing.isDirectory() !== isDirectory) {
    const kinds = isDirectory ? ['non-directory', 'directory'] : ['directory', 'non-directory']
    throw new EngineError('invalid_argument', `cannot overwrite ${kinds[0]} "${wanted}" with ${kinds[1]}`)
  }
  await rm(path, { recursive: true, force: true })
}

/** Owner before mode (chown clears set-id bits), times last. */
async function finish(path: string, header: Header, options: ExtractOptions): Promise<void> {
  await lchown(path, options.owner?.uid ?? header.uid ?? 0, options.owner?.gid ?? header.gid ?? 0)
  if (header.type !== 'symlink') await chmod(path, (header.mode ?? 0o644) & 0o7777)
  for (const [key, value] of Object.entries(header.pax ?? {})) {
    const name = /^SCHILY\.xattr\.(.+)$/.exec(key)?.[1]
    if (name && header.type === 'file') options.kernel.setXattr(path, name, Buffer.from(value, 'latin1'))
  }
  const time = (header.mtime ?? new Date()).getTime() / 1000
  await lutimes(path, time, time)
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
