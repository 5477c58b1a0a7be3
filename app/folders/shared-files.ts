import { constants, type Stats } from 'node:fs'
import {
  chmod,
  type FileHandle,
  lchmod,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  open,
  readlink,
  rename,
  rmdir,
  stat,
  statfs,
  symlink,
  truncate,
  unlink,
} from 'node:fs/promises'
import { type Appearance, FOLDER_ABOVE } from './attributes.ts'
import type { CheckedPaths } from './checked-path.ts'
import { FolderReader } from './folder-reader.ts'
import type { Ownership } from './ownership.ts'
import { FileError } from './sftp-status.ts'
import { type Attributes, OpenFlag } from './sftp-wire.ts'

/** `chown` and its kin leave what has this value. */
const UNCHANGED = 0xffffffff
const PERMISSIONS = 0o7777
const FILE_MODE = 0o666
const FOLDER_MODE = 0o777
const windows = process.platform === 'win32'
/** Linux: a handle that stands for the file itself, which needs no right to read it. Not among node's constants. */
const O_PATH = 0o10000000

export interface SharedFilesOptions {
  readonly paths: CheckedPaths
  readonly owners: Ownership
  readonly appearance: Appearance
}

/**
 * The operations that a mounted file system needs, on shared folders only, by the guest's paths. Failures are those of
 * node:fs or FileErrors. No operation follows a link at the end of its path but `stat` and `openFolder`,
 * and those only to what is shared.
 */
export class SharedFiles {
  readonly #paths: CheckedPaths
  readonly #owners: Ownership
  readonly #appearance: Appearance

  constructor({ paths, owners, appearance }: SharedFilesOptions) {
    this.#paths = paths
    this.#owners = owners
    this.#appearance = appearance
  }

  /** What was remembered of earlier runs. */
  ready(): Promise<void> {
    return this.#owners.load()
  }

  async lstat(path: string): Promise<Attributes> {
    const place = this.#paths.locate(path)
    if (place.kind === 'above') return FOLDER_ABOVE
    return this.#appearance.of(await lstat(await this.#paths.resolve(place)))
  }

  async stat(path: string): Promise<Attributes> {
    if (this.#paths.locate(path).kind === 'above') return FOLDER_ABOVE
    return this.#appearance.of(await stat(await this.#paths.followed(path)))
  }

  async fstat(file: FileHandle): Promise<Attributes> {
    return this.#appearance.of(await file.stat())
  }

  /** Opens a regular file; whatever else is there is refused, so that nothing waits for a pipe's other end. */
  async open(path: string, flags: number, { mode = FILE_MODE }: Attributes): Promise<FileHandle> {
    const native = await this.#paths.inside(path)
    if (windows && (await lstat(native).catch(() => undefined))?.isSymbolicLink()) {
      throw new FileError('ELOOP', path)
    }
    const file = await open(native, nativeFlags(flags), mode & PERMISSIONS)
    const stats = await file.stat().catch(() => undefined)
    if (stats?.isFile()) return file
    await file.close()
    throw new FileError('EACCES', `${path} is no regular file`)
  }

  async openFolder(path: string): Promise<FolderReader> {
    const place = this.#paths.locate(path)
    const look = (stats: Stats) => this.#appearance.of(stats)
    if (place.kind === 'above') return FolderReader.ofNames(place.names)
    return await FolderReader.open(await this.#paths.followed(path), look)
  }

  async setAttributes(path: string, { size, mode, times, owner }: Attributes): Promise<void> {
    const native = await this.#paths.inside(path)
    if (size !== undefined) await resize(native, size)
    if (mode !== undefined) await changeMode(native, mode & PERMISSIONS)
    if (owner && this.#appearance.mayChangeOwners) await lchown(native, signed(owner.uid), signed(owner.gid))
    else if (owner) this.#remember(await lstat(native), owner)
    if (times) await lutimes(native, times.atime, times.mtime)
  }

  async setFileAttributes(file: FileHandle, { size, mode, times, owner }: Attributes): Promise<void> {
    if (size !== undefined) await file.truncate(size)
    if (mode !== undefined && !windows) await file.chmod(mode & PERMISSIONS)
    if (owner && this.#appearance.mayChangeOwners) await file.chown(signed(owner.uid), signed(owner.gid))
    else if (owner) this.#remember(await file.stat(), owner)
    if (times) await file.utimes(times.atime, times.mtime)
  }

  async makeFolder(path: string, { mode = FOLDER_MODE }: Attributes): Promise<void> {
    await mkdir(await this.#paths.inside(path), { mode: mode & PERMISSIONS })
  }

  async removeFolder(path: string): Promise<void> {
    await rmdir(await this.#paths.inside(path))
  }

  async remove(path: string): Promise<void> {
    await unlink(await this.#paths.inside(path))
  }

  /** `replace`: over what is there, as rename(2) does; otherwise that is EEXIST. */
  async rename(from: string, to: string, { replace }: { replace: boolean }): Promise<void> {
    const [source, target] = await Promise.all([this.#paths.inside(from), this.#paths.inside(to)])
    if (!replace && (await lstat(target).catch(() => undefined))) throw new FileError('EEXIST', to)
    await rename(source, target)
  }

  /** The text of a link is the containers' own matter: it is never followed here. */
  async makeLink(path: string, text: string): Promise<void> {
    await symlink(text, await this.#paths.inside(path))
  }

  async readLink(path: string): Promise<string> {
    return await readlink(await this.#paths.inside(path))
  }

  async hardLink(from: string, to: string): Promise<void> {
    const [source, target] = await Promise.all([this.#paths.inside(from), this.#paths.inside(to)])
    // link(2) of macOS follows.
    if ((await lstat(source)).isSymbolicLink()) throw new FileError('EPERM', `${from} is a link`)
    await link(source, target)
  }

  /** What statvfs(2) tells, in the order of the extension's answer. */
  async space(path: string): Promise<readonly (number | bigint)[]> {
    const native = await this.#paths.nearest(path)
    const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(native, { bigint: true })
    const NAME_MAX = 255
    return [bsize, bsize, blocks, bfree, bavail, files, ffree, ffree, 0, 0, NAME_MAX]
  }

  #remember(file: Stats, { uid, gid }: { uid: number; gid: number }): void {
    const now = this.#appearance.of(file).owner ?? { uid: 0, gid: 0 }
    const next = { uid: uid === UNCHANGED ? now.uid : uid, gid: gid === UNCHANGED ? now.gid : gid }
    this.#owners.forget(file)
    const shown = this.#appearance.of(file).owner
    if (shown?.uid !== next.uid || shown.gid !== next.gid) this.#owners.set(file, next)
  }
}

function signed(id: number): number {
  return id === UNCHANGED ? -1 : id
}

function nativeFlags(flags: number): number {
  const { O_RDWR, O_WRONLY, O_RDONLY, O_APPEND, O_CREAT, O_TRUNC, O_EXCL } = constants
  const writes = (flags & OpenFlag.WRITE) !== 0
  const access = writes ? (flags & OpenFlag.READ ? O_RDWR : O_WRONLY) : O_RDONLY
  // Windows has neither of the two: there what they keep away is looked for.
  const careful = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
  return (
    access |
    careful |
    (flags & OpenFlag.APPEND ? O_APPEND : 0) |
    (flags & OpenFlag.CREAT ? O_CREAT : 0) |
    (flags & OpenFlag.TRUNC ? O_TRUNC : 0) |
    (flags & OpenFlag.EXCL ? O_EXCL : 0)
  )
}

/** truncate(2) follows links; an open file is the one that was meant. */
async function resize(path: string, size: number): Promise<void> {
  if (windows) return await truncate(path, size)
  const file = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    await file.truncate(size)
  } finally {
    await file.close()
  }
}

/** chmod(2) follows links as well, and what may not be read can be changed by no handle of its own on macOS. */
async function changeMode(path: string, mode: number): Promise<void> {
  if (windows) return
  if (process.platform === 'darwin') return await lchmod(path, mode)
  const file = await open(path, O_PATH | constants.O_NOFOLLOW)
  try {
    await chmod(`/proc/self/fd/${file.fd}`, mode)
  } catch (error) {
    // A link has no mode of its own, and who changes one need not be told.
    if (!(await lstat(path)).isSymbolicLink()) throw error
  } finally {
    await file.close()
  }
}
