/** Further processes in a container: `crun exec`, without a monitor. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { EngineError } from '../../api/errors.ts'
import type { Kernel } from '../linux/kernel.ts'
import type { FileArrival } from './file-arrival.ts'
import { execFailure } from './messages.ts'
import type { OciProcess } from './oci.ts'
import { CRUN, crunFlags, type RuntimePaths } from './paths.ts'
import type { ExecTask } from './runtime.ts'
import { openTerminal, type Terminal } from './terminal.ts'

export interface ExecContext {
  kernel: Kernel
  paths: RuntimePaths
  /** Watches `paths.execs`. */
  arrivals: FileArrival
}

let counter = 0

/**
 * Runs `process` in container `id`; resolves when its program runs. A program that is not there or not executable is
 * invalid_argument with Docker's words and `details.exitCode`.
 */
export async function startExec(
  context: ExecContext,
  id: string,
  options: { process: OciProcess; tty: boolean; stdin: boolean; signal?: AbortSignal },
): Promise<ExecTask> {
  options.signal?.throwIfAborted()
  const name = `${id.slice(0, 12)}-${process.pid}-${++counter}`
  const spec = join(context.paths.execs, `${name}.json`)
  const pidFile = join(context.paths.execs, `${name}.pid`)
  await writeFile(spec, JSON.stringify({ ...options.process, terminal: options.tty }), { mode: 0o600 })
  const args = [...crunFlags(context.paths), 'exec', '--process', spec, '--pid-file', pidFile, id]
  try {
    const terminal = options.tty ? openTerminal(context.kernel, options.process.consoleSize) : undefined
    const child = spawnCrun(args, terminal, options.stdin)
    return await started(context, child, terminal, { ...options, name, pidFile })
  } finally {
    await Promise.all([spec, pidFile].map(removeIfThere))
  }
}

function spawnCrun(args: string[], terminal: Terminal | undefined, stdin: boolean): ChildProcess {
  const slave = terminal?.slaveFd
  // crun's own complaints come on stderr: with a terminal they get a pipe of their own.
  const stdio: SpawnOptions['stdio'] =
    slave === undefined ? [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] : [slave, slave, 'pipe']
  try {
    return spawn(CRUN, args, { stdio, env: { PATH: '/usr/sbin:/usr/bin' }, detached: true })
  } finally {
    if (slave !== undefined) closeSync(slave)
  }
}

async function started(
  { kernel, arrivals }: ExecContext,
  child: ChildProcess,
  terminal: Terminal | undefined,
  options: { process: OciProcess; name: string; pidFile: string; signal?: AbortSignal },
): Promise<ExecTask> {
  const running = new AbortController()
  const exit = exitOf(child)
  const onAbort = () => child.kill('SIGKILL')
  options.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const pid = await Promise.race([
      arrivals.wait(`${options.name}.pid`, () => readPid(options.pidFile), { signal: running.signal }),
      exit.then(() => readPid(options.pidFile)),
    ])
    if (pid === undefined) throw await notStarted(child, terminal, exit, options)
    return execTask(kernel, child, terminal, pid, exit)
  } finally {
    running.abort()
    options.signal?.removeEventListener('abort', onAbort)
  }
}

/** Gone without having run anything. */
async function notStarted(
  child: ChildProcess,
  terminal: Terminal | undefined,
  exit: Promise<number>,
  { process, signal }: { process: OciProcess; signal?: AbortSignal },
): Promise<unknown> {
  const complaints = await text(child.stderr as Readable)
  await exit
  terminal?.stream.destroy()
  return signal?.aborted ? signal.reason : execFailure(complaints, process.args[0] ?? '')
}

function execTask(
  kernel: Kernel,
  child: ChildProcess,
  terminal: Terminal | undefined,
  pid: number,
  exit: Promise<number>,
): ExecTask {
  // Nobody reads crun's complaints any more; a full pipe would stop it.
  if (terminal) child.stderr?.resume()
  return {
    pid,
    stdin: terminal ? terminal.stream : ((child.stdin as Writable | null) ?? undefined),
    stdout: terminal ? terminal.stream : (child.stdout as Readable),
    stderr: terminal ? undefined : (child.stderr as Readable),
    wait: async () => ({ exitCode: await exit }),
    resize: (size) => {
      if (!terminal || terminal.stream.destroyed) return
      kernel.setWindowSize(terminal.masterFd, size)
      // crun copies the size of its own terminal to the one inside when it is told to.
      child.kill('SIGWINCH')
    },
    kill: (signal) => sendSignal(pid, signal),
  }
}

/** Exit code of crun, which is the program's: 128 + n for a signal. */
function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new EngineError('internal', `cannot run ${CRUN}`, { cause })))
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 255 : 137)))
  })
}

function sendSignal(pid: number, signal: number): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function readPid(path: string): Promise<number | undefined> {
  try {
    return Number(await readFile(path, 'utf8')) || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
