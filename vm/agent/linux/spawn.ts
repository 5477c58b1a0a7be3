/**
 * Starting programs with posix_spawn(3), which lends the child our memory until it runs its program. Node's own way
 * forks: the kernel copies the page tables of a large process and both sides then fault on each page that they write.
 */
import { EngineError } from '../../api/errors.ts'
import { errnoError } from './errno.ts'
import type { Libc } from './ffi.ts'
import type { Child, ChildExit, ChildOptions } from './kernel.ts'

/** Room for posix_spawn_file_actions_t (80 bytes in glibc) and posix_spawnattr_t (336). */
const OBJECT = 512
/** spawn.h */
const SETSIGDEF = 0x04
const SETSIGMASK = 0x08
const SETSID = 0x80
const O_RDWR = 2
const WNOHANG = 1

/** Children of this thread's process that this module started; libuv waits for its own by their pids alone. */
export class Spawner {
  readonly #libc: Libc
  readonly #running = new Map<number, (exit: ChildExit) => void>()
  readonly #allSignals = new Uint8Array(128).fill(0xff)
  #listening = false

  constructor(libc: Libc) {
    this.#libc = libc
  }

  spawn(options: ChildOptions): Child {
    // Before the child exists: its end may be signalled at any time from then on.
    if (!this.#listening) process.on('SIGCHLD', () => this.#reap())
    this.#listening = true
    const pid = this.#start(options)
    const exit = new Promise<ChildExit>((resolve) => this.#running.set(pid, resolve))
    return {
      pid,
      exit,
      // A pid is ours until its end was waited for.
      kill: (signal) => this.#running.has(pid) && process.kill(pid, signal),
    }
  }

  #start(options: ChildOptions): number {
    const { program, args, env, stdio } = options
    const actions = this.#made('posix_spawn_file_actions_init', program)
    const attributes = this.#made('posix_spawnattr_init', program)
    try {
      for (const [target, source] of stdio.entries()) {
        if (source === 'null')
          this.#must('posix_spawn_file_actions_addopen', program, actions, target, '/dev/null', O_RDWR, 0)
        else this.#must('posix_spawn_file_actions_adddup2', program, actions, checked(source, stdio), target)
      }
      this.#must('posix_spawn_file_actions_addclosefrom_np', program, actions, stdio.length)
      if (options.cwd !== undefined)
        this.#must('posix_spawn_file_actions_addchdir_np', program, actions, options.cwd)
      const flags = SETSIGDEF | SETSIGMASK | (options.session ? SETSID : 0)
      this.#must('posix_spawnattr_setflags', program, attributes, flags)
      this.#must('posix_spawnattr_setsigdefault', program, attributes, this.#allSignals)
      const argv = this.#vector([program, ...args])
      const envp = this.#vector(Object.entries(env).map(([name, value]) => `${name}=${value}`))
      const pid = new Int32Array(32)
      const bytes = new Uint8Array(pid.buffer)
      this.#must('posix_spawn', program, bytes, program, actions, attributes, argv.pointers, envp.pointers)
      // The strings must live until here.
      void [argv.text, envp.text]
      return pid[0] ?? 0
    } finally {
      this.#libc.attempt('posix_spawn_file_actions_destroy', actions)
      this.#libc.attempt('posix_spawnattr_destroy', attributes)
    }
  }

  #made(init: 'posix_spawn_file_actions_init' | 'posix_spawnattr_init', program: string): Uint8Array {
    const object = new Uint8Array(OBJECT)
    this.#must(init, program, object)
    return object
  }

  /** These functions answer the error number. */
  #must(...[name, program, ...args]: Parameters<Libc['must']>): void {
    const error = this.#libc.attempt(name, ...args)
    if (error !== 0) throw errnoError(name, program, error)
  }

  /** A NULL-terminated array of C strings. */
  #vector(words: readonly string[]): { pointers: Uint8Array; text: Uint8Array } {
    const bytes = words.map((word) => Buffer.from(`${word}\0`))
    const text = new Uint8Array(Buffer.concat([...bytes, Buffer.alloc(OBJECT)]))
    const start = this.#libc.addressOf(text)
    const pointers = new BigUint64Array(words.length + OBJECT / 8)
    let offset = 0
    for (const [index, word] of bytes.entries()) {
      pointers[index] = start + BigInt(offset)
      offset += word.length
    }
    return { pointers: new Uint8Array(pointers.buffer), text }
  }

  /** One SIGCHLD may stand for many ends. */
  #reap(): void {
    const status = new Int32Array(32)
    const bytes = new Uint8Array(status.buffer)
    for (const [pid, ended] of this.#running) {
      const result = this.#libc.attempt('waitpid', pid, bytes, WNOHANG)
      if (result === 0) continue
      this.#running.delete(pid)
      ended(result === pid ? exitOf(status[0] ?? 0) : { code: 255 })
    }
  }
}

/** wait(2)'s status of a process that ended. */
function exitOf(status: number): ChildExit {
  const signal = status & 0x7f
  return signal === 0 ? { code: (status >> 8) & 0xff } : { code: 128 + signal, signal }
}

/** The child's descriptors are made in order: a source must not lie where an earlier one is put. */
function checked(source: number, stdio: ChildOptions['stdio']): number {
  if (source >= stdio.length) return source
  throw new EngineError('internal', `descriptor ${source} is in the way of a child's own`)
}
