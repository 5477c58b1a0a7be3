/** Trees of files: what they hash to, and copying them with other owners. */
import type { Hash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { EngineError } from '../../api/errors.ts'
import { fileChunks } from '../content/chunks.ts'
import type { Breather } from './breather.ts'

/** Files up to this size are read or copied in one go. */
const SMALL = 256 * 1024

export interface TreeOptions {
  uid: number
  gid: number
  /** Replaces the mode of every file and directory. */
  mode: number | undefined
}

/** Names, kinds, modes and content of everything below; owners and times do not count. */
export async function hashTree(path: string, name: string, hash: Hash, breather: Breather): Promise<void> {
  await breather.breathe()
  const info = lstatSync(path)
  hash.update(JSON.stringify([name, info.mode, info.isFile() ? info.size : 0]))
  if (info.isSymbolicLink()) hash.update(readlinkSync(path))
  else if (info.isDirectory()) {
    for (const child of readdirSync(path).sort())
      await hashTree(join(path, child), `${name}/${child}`, hash, breather)
  } else if (info.isFile()) {
    if (info.size <= SMALL) hash.update(readFileSync(path))
    else for await (const chunk of fileChunks(path)) hash.update(chunk)
  }
}

/** Everything in the directory `from` into the directory `to`, over what is there. */
export async function copyChildren(
  from: string,
  to: string,
  options: TreeOptions,
  breather: Breather,
): Promise<void> {
  for (const name of readdirSync(from).sort()) {
    await breather.breathe()
    const source = join(from, name)
    const target = join(to, name)
    const info = lstatSync(source)
    await copyEntry(source, target, info, options)
    if (!info.isDirectory()) continue
    await copyChildren(source, target, options, breather)
    utimesSync(target, info.atime, info.mtime)
  }
}

/** One file, link or directory (without what is in it) over what is there. */
export async function copyEntry(from: string, to: string, info: Stats, options: TreeOptions): Promise<void> {
  const existing = lstatSync(to, { throwIfNoEntry: false })
  if (existing && !(existing.isDirectory() && info.isDirectory())) rmSync(to, { recursive: true })
  if (info.isSymbolicLink()) {
    symlinkSync(readlinkSync(from), to)
    lchownSync(to, options.uid, options.gid)
    lutimesSync(to, info.atime, info.mtime)
    return
  }
  if (info.isDirectory()) {
    if (!existing?.isDirectory()) mkdirSync(to)
  } else if (info.isFile()) {
    if (info.size <= SMALL) copyFileSync(from, to)
    else await copyFile(from, to)
  } else
    throw new EngineError(
      'invalid_argument',
      `cannot copy ${basename(from)}: neither a file, a directory nor a link`,
    )
  chownSync(to, options.uid, options.gid)
  chmodSync(to, options.mode ?? info.mode & 0o7777)
  if (!info.isDirectory()) utimesSync(to, info.atime, info.mtime)
}
