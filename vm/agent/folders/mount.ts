/** The shared folders of the user's computer as one mount: sshfs over a socket behind which the app serves them. */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { EngineError, messageOf } from '../../api/errors.ts'
import { FOLDERS_ROOT } from '../../api/slipway.ts'
import type { Kernel } from '../linux/kernel.ts'

const SHELL = '/usr/bin/busybox'
/**
 * sshfs puts itself into a session of its own once the mount stands. Its module is loaded with the first mount only.
 *
 * - Every user of a container may do everything, as the app decides: `allow_other`, and no `default_permissions`.
 * - Links are whatever their text says, `../` and absolute ones too, and are followed by whoever meets them: a
 *   container's lead nowhere but into that container.
 * - What is cached of names and attributes is believed for a second at most, sshfs and kernel together; what is cached of
 *   contents until the file is opened again, or changes its time or size.
 * - A lost connection is made anew with the next request; what is under way fails with EIO.
 */
const OPTIONS = [
  'reconnect',
  'allow_other',
  'no_contain_symlinks',
  'ssh_command=/usr/lib/slipway/folders-connect',
  'dcache_timeout=1',
  'entry_timeout=0.5',
  'attr_timeout=0.5',
  'fsname=host',
].join(',')
const COMMAND = '[ -e /dev/fuse ] || modprobe fuse; exec sshfs -o "$1" host:/ "$2"'
const MOUNT_INFO = '/proc/self/mountinfo'
/** What the kernel asks for ahead of a reader: each answer takes its time, so several are under way together. */
const READ_AHEAD_KIB = 1024
/** How long an app that was there is waited for; the machine may just be starting. */
const HOST_WAIT_MS = 20_000

export interface FolderHost {
  readonly connected: boolean
  /** Waits up to `ms` for the app; false when it did not come. */
  wait(ms: number): Promise<boolean>
  request(question: { type: 'folders' }): Promise<unknown>
  /** Calls back with every new connection of the app. */
  subscribe(listener: () => void): void
}

export interface FolderMountOptions {
  readonly kernel: Pick<Kernel, 'spawn' | 'unmount'>
  readonly host: FolderHost
  readonly log: (message: string) => void
  /** Where sshfs may write what is wrong. */
  readonly errorFile: string
  readonly root?: string
}

/**
 * Makes the mount when it is first asked for, and has the app serve it again whenever that comes back. It belongs to
 * nobody: it outlives the agent, and the app.
 */
export class FolderMount {
  readonly #options: FolderMountOptions
  readonly #root: string
  #making: Promise<void> | undefined
  /** The app that is connected now serves. */
  #served = false

  constructor(options: FolderMountOptions) {
    this.#options = options
    this.#root = options.root ?? FOLDERS_ROOT
    options.host.subscribe(() => void this.#serveAgain())
  }

  /**
   * Resolves when the folders can be used. Fails with 'unavailable' when the app is not there, does not serve or sshfs
   * does not mount; 'cancelled' when the signal ends this caller's wait.
   */
  async ensure({ signal }: { signal: AbortSignal }): Promise<void> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined
    })
    await untilAborted(this.#making, signal)
  }

  async #make(): Promise<void> {
    const { host } = this.#options
    if (!(await host.wait(HOST_WAIT_MS))) {
      throw new EngineError('unavailable', 'the Slipway app is not connected to the engine', {
        hint: 'Open the Slipway app, or run `slipway start`.',
      })
    }
    if (!this.#served) {
      await host.request({ type: 'folders' })
      this.#served = true
    }
    if (await this.#isMounted()) return
    await this.#mount()
  }

  /** Whether sshfs is behind it: a mount whose program has died is taken away. */
  async #isMounted(): Promise<boolean> {
    if (!(await deviceOf(this.#root))) return false
    try {
      await stat(this.#root)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOTCONN') {
        this.#options.kernel.unmount(this.#root, { lazy: true })
        return false
      }
    }
    return true
  }

  async #mount(): Promise<void> {
    const { kernel, errorFile } = this.#options
    await mkdir(this.#root, { recursive: true, mode: 0o755 })
    const errors = openSync(errorFile, 'w', 0o600)
    try {
      const { exit } = kernel.spawn({
        program: SHELL,
        args: ['sh', '-c', COMMAND, 'sh', OPTIONS, this.#root],
        env: { PATH: '/usr/sbin:/usr/bin' },
        stdio: ['null', errors, errors],
        cwd: '/',
        session: true,
      })
      const { code } = await exit
      if (code === 0) return await this.#readAhead()
      const words = readFileSync(errorFile, 'utf8').trim()
      throw new EngineError('unavailable', `sshfs: ${words || `exit code ${code}`}`)
    } finally {
      closeSync(errors)
      await rm(errorFile, { force: true })
    }
  }

  async #readAhead(): Promise<void> {
    try {
      const device = await deviceOf(this.#root)
      if (device) await writeFile(`/sys/class/bdi/${device}/read_ahead_kb`, String(READ_AHEAD_KIB))
    } catch (error) {
      // Reading is slower then, no more.
      this.#options.log(`shared folders: ${messageOf(error)}`)
    }
  }

  /** An app that came anew knows nothing of a mount that stands; who uses it is not to wait for the next container. */
  async #serveAgain(): Promise<void> {
    this.#served = false
    try {
      if (await deviceOf(this.#root)) await this.ensure({ signal: AbortSignal.timeout(HOST_WAIT_MS) })
    } catch (error) {
      this.#options.log(`shared folders: ${messageOf(error)}`)
    }
  }
}

/**
 * The device number, `0:36`, of the file system that is mounted there: third and fifth field, of which the latter has
 * spaces and the like as octal numbers (proc_pid_mountinfo(5)).
 */
async function deviceOf(path: string): Promise<string | undefined> {
  const lines = (await readFile(MOUNT_INFO, 'utf8')).split('\n').map((line) => line.split(' '))
  return lines.find((fields) => fields[4] === path)?.[2]
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new EngineError('cancelled', 'mounting the shared folders: cancelled'))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
