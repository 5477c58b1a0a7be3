/** COPY and ADD: which files, what they hash to, and how they get into a root filesystem. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chown, lstat, mkdir, open, readdir } from 'node:fs/promises'
import { basename, dirname, join, matchesGlob } from 'node:path'
import { EngineError } from '../../api/errors.ts'
import type { ApplyKernel } from '../snapshots/apply.ts'
import { isCompressed } from '../snapshots/external-compression.ts'
import { Breather } from './breather.ts'
import { extractTar } from './context.ts'
import { copyChildren, copyEntry, hashTree, type TreeOptions } from './copy-tree.ts'
import { resolveInRoot } from './root-path.ts'

export interface Source {
  /** Root that must not be left: the context, or another image's filesystem. */
  root: string
  /** Path below it, without a leading slash. */
  path: string
  /** Name at the destination when that is a directory. */
  name: string
}

export interface CopyOptions extends TreeOptions {
  /** ADD: local tar archives are unpacked. */
  extract: boolean
  signal?: AbortSignal
}

/** Sources that a pattern (Go's filepath.Match) names. invalid_argument in Docker's words when there are none. */
export async function findSources(root: string, pattern: string, keyword: string): Promise<Source[]> {
  const clean = normal(pattern)
  const found = /[*?[\\]/.test(clean) ? await glob(root, clean) : [clean]
  const sources: Source[] = []
  for (const path of found) {
    const real = await resolveInRoot(root, path)
    if (await lstat(real).catch(() => undefined))
      sources.push({ root, path: path === '' ? '.' : path, name: basename(path) })
  }
  if (sources.length > 0) return sources
  if (found.length > 0) {
    throw new EngineError(
      'invalid_argument',
      `${keyword} failed: file not found in build context or excluded by .dockerignore: stat ${clean}: file does not exist`,
      { details: { missing: clean } },
    )
  }
  throw new EngineError('invalid_argument', `${keyword} failed: no source files were specified`)
}

/** Digest of what a copy would bring: names, kinds, modes and content; owners and times do not count. */
export async function hashSources(sources: readonly Source[]): Promise<string> {
  const hash = createHash('sha256')
  const breather = new Breather()
  for (const source of sources)
    await hashTree(await resolveInRoot(source.root, source.path), source.name, hash, breather)
  return hash.digest('hex')
}

/** Copies into `target` (absolute path inside `root`); a trailing slash or several sources mean a directory. */
export async function copySources(
  sources: readonly Source[],
  root: string,
  target: string,
  kernel: ApplyKernel,
  options: CopyOptions,
): Promise<void> {
  const destination = await resolveInRoot(root, target)
  const existing = await lstat(destination).catch(() => undefined)
  const intoDirectory = target.endsWith('/') || sources.length > 1 || existing?.isDirectory() === true
  for (const source of sources) {
    options.signal?.throwIfAborted()
    const from = await resolveInRoot(source.root, source.path)
    const info = await lstat(from)
    if (info.isDirectory()) {
      await makeDirectories(root, destination, options)
      await copyChildren(from, destination, options, new Breather(options.signal))
    } else if (options.extract && info.isFile() && (await isArchive(from))) {
      await makeDirectories(root, destination, options)
      await extractTar(createReadStream(from), destination, kernel, options)
    } else {
      const path = intoDirectory ? join(destination, source.name) : destination
      await makeDirectories(root, dirname(path), options)
      await copyEntry(from, path, info, options)
    }
  }
}

async function glob(root: string, pattern: string): Promise<string[]> {
  const parts = pattern.split('/')
  let found = ['']
  for (const part of parts) {
    const next: string[] = []
    for (const parent of found) {
      const directory = await resolveInRoot(root, parent)
      const names = await readdir(directory).catch(() => [])
      for (const name of names.sort())
        if (matchesGlob(name, part)) next.push(parent === '' ? name : `${parent}/${name}`)
    }
    found = next
  }
  return found
}

/** Missing parents, owned as the copy is, mode 0755. */
async function makeDirectories(root: string, directory: string, options: CopyOptions): Promise<void> {
  if (directory === root || (await lstat(directory).catch(() => undefined))) return
  await makeDirectories(root, dirname(directory), options)
  await mkdir(directory, { mode: 0o755 })
  await chown(directory, options.uid, options.gid)
}

async function isArchive(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0)
    const head = buffer.subarray(0, bytesRead)
    if (isCompressed(head)) return true
    return head.toString('latin1', 257, 262) === 'ustar'
  } finally {
    await file.close()
  }
}

function normal(pattern: string): string {
  const parts: string[] = []
  for (const part of pattern.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}
