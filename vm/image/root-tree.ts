import { chmod, cp, mkdir, readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { EngineError } from '../api/errors.ts'
import { appletNames } from './busybox.ts'
import { certificateBundle } from './certificates.ts'
import { isElf, neededLibraries, stripToSegments } from './elf.ts'
import { ARCH, type Arch, KEPT_FILES } from './packages.ts'

/** Empty folders that something is mounted on or written to. */
const FOLDERS: readonly string[] = [
  'dev',
  'etc',
  'mnt',
  'proc',
  'root',
  'run',
  'sys',
  'tmp',
  'usr/bin',
  'usr/lib',
  'usr/share/slipway',
  'var/cache',
  'var/lib/slipway',
  'var/log',
  'var/spool',
  'var/tmp',
]
const LINKS: readonly (readonly [path: string, target: string])[] = [
  ['bin', 'usr/bin'],
  ['sbin', 'usr/bin'],
  ['lib', 'usr/lib'],
  ['lib64', 'usr/lib'],
  ['usr/sbin', 'bin'],
  ['usr/lib64', 'lib'],
  ['etc/mtab', '/proc/self/mounts'],
  ['var/run', '/run'],
  ['var/lock', '/run/lock'],
  ['usr/bin/mkfs.ext4', 'mke2fs'],
  ['usr/bin/docker-init', 'tini-static'],
]

export interface RootSources {
  readonly arch: Arch
  /** Unpacked Debian packages. */
  readonly debian: string
  readonly node: string
  /** The recipe's own files, laid over everything else. */
  readonly overlay: string
}

/**
 * Builds the root of the system disk in the folder `root`, kernel modules and the welcome image apart. `normalizeModes`
 * must follow once everything is in it.
 */
export async function buildRoot(root: string, { arch, debian, node, overlay }: RootSources): Promise<void> {
  for (const folder of FOLDERS) await mkdir(join(root, folder), { recursive: true })
  for (const [path, target] of LINKS) await symlink(target, join(root, path))
  const libraries = new Set<string>()
  for (const path of KEPT_FILES) await copyProgram(join(debian, path), join(root, path), libraries)
  await copyProgram(node, join(root, 'usr/bin/node'), libraries)
  await copyLibraries(root, join(debian, 'usr/lib', ARCH[arch].triplet), libraries)
  await linkLoader(root, arch)
  await linkApplets(root)
  await mkdir(join(root, 'etc/ssl/certs'), { recursive: true })
  await writeFile(
    join(root, 'etc/ssl/certs/ca-certificates.crt'),
    await certificateBundle(join(debian, 'usr/share/ca-certificates')),
  )
  await cp(overlay, root, { recursive: true })
}

/** Copies one file without its symbols and notes the libraries that it needs. */
async function copyProgram(from: string, to: string, libraries: Set<string>): Promise<void> {
  const file = await readFile(from)
  await mkdir(dirname(to), { recursive: true })
  if (!isElf(file)) {
    await writeFile(to, file)
    return
  }
  for (const name of neededLibraries(file)) libraries.add(name)
  await writeFile(to, stripToSegments(file), { mode: 0o755 })
}

/** Follows DT_NEEDED from library to library until nothing is missing. A name may be a link: the file gets that name. */
async function copyLibraries(root: string, folder: string, libraries: Set<string>): Promise<void> {
  const target = join(root, 'usr/lib', basename(folder))
  await mkdir(target, { recursive: true })
  // A Set's iteration goes on over what is added meanwhile.
  for (const name of libraries) {
    const path = await realpath(join(folder, name)).catch((cause: unknown) => {
      throw new EngineError('not_found', `library ${name}: no package of the recipe has it`, { cause })
    })
    await copyProgram(path, join(target, name), libraries)
  }
}

/** Programs name their loader by an absolute path in /lib64 (x86-64) or /lib (arm64). */
async function linkLoader(root: string, arch: Arch): Promise<void> {
  const { triplet } = ARCH[arch]
  const folder = join(root, 'usr/lib', triplet)
  const loader = (await readdir(folder)).find((name) => name.startsWith('ld-linux'))
  if (!loader) throw new EngineError('not_found', 'the dynamic loader: no package of the recipe has it')
  await symlink(`${triplet}/${loader}`, join(root, 'usr/lib', loader))
}

async function linkApplets(root: string): Promise<void> {
  const present = new Set(await readdir(join(root, 'usr/bin')))
  for (const applet of appletNames(await readFile(join(root, 'usr/bin/busybox')))) {
    if (!present.has(applet)) await symlink('busybox', join(root, 'usr/bin', applet))
  }
}

/** Sets every mode by rule: none may depend on the builder's umask or on how the checkout was made. */
export async function normalizeModes(root: string): Promise<void> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) await chmod(path, 0o755)
    else if (entry.isFile()) await chmod(path, await modeOf(path))
  }
  await chmod(root, 0o755)
  for (const path of ['tmp', 'var/tmp']) await chmod(join(root, path), 0o1777)
  for (const path of ['root', 'var/lib/slipway']) await chmod(join(root, path), 0o700)
  await chmod(join(root, 'etc/shadow'), 0o600)
}

async function modeOf(path: string): Promise<number> {
  const start = (await readFile(path)).toString('latin1', 0, 4)
  const program = start.startsWith('#!') || start === '\x7fELF'
  return program && !path.endsWith('.ko') ? 0o755 : 0o644
}
