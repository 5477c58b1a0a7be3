/** Further processes in a container: `crun exec`, without a monitor. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
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

/** How long after the program's end its output may take to be read, in milliseconds: a child of it may hold the pipe. */
const OUTPUT_GRACE = 500

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
    const exec = spawnCrun(args, terminal, options.stdin)
    return await started(context, exec, { ...options, name, pidFile })
  } finally {
    await Promise.all([spec, pidFile].map((path) => rm(path, { force: true })))
  }
}

/** crun at work on an exec. */
interface Spawned {
  child: ChildProcess
  terminal: Terminal | undefined
  stdout: Readable | undefined
  stderr: Readable | undefined
  exit: Promise<number>
}

function spawnCrun(args: string[], terminal: Terminal | undefined, stdin: boolean): Spawned {
  const slave = terminal?.slaveFd
  // crun's own complaints come on stderr: with a terminal they get a pipe of their own.
  const stdio: SpawnOptions['stdio'] =
    slave === undefined ? [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] : [slave, slave, 'pipe']
  try {
    const child = spawn(CRUN, args, { stdio, env: { PATH: '/usr/sbin:/usr/bin' }, detached: true })
    // Node throws away what nobody listens to when a child exits; a short program ends before anybody does.
    const kept = (stream: Readable | null) => stream?.pipe(new PassThrough())
    // A program that does not read what is typed is no failure; its end is told by its exit.
    child.stdin?.on('error', () => child.stdin?.destroy())
    return { child, terminal, stdout: kept(child.stdout), stderr: kept(child.stderr), exit: exitOf(child) }
  } catch (error) {
    terminal?.stream.destroy()
    throw error
  } finally {
    if (slave !== undefined) closeSync(slave)
  }
}

async function started(
  { kernel, arrivals }: ExecContext,
  exec: Spawned,
  options: { process: OciProcess; name: string; pidFile: string; signal?: AbortSignal },
): Promise<ExecTask> {
  const running = new AbortController()
  const onAbort = () => exec.child.kill('SIGKILL')
  options.signal?.addEventListener('abort', onAbort, { once: true })
  const look = () => readPid(options.pidFile)
  const arrived = arrivals.wait(`${options.name}.pid`, look, { signal: running.signal })
  try {
    const pid = await Promise.race([arrived, exec.exit.then(look)])
    if (pid !== undefined) return execTask(kernel, exec, pid)
    exec.terminal?.stream.destroy()
    options.signal?.throwIfAborted()
    const complaints = exec.stderr ? await text(exec.stderr) : ''
    throw execFailure(complaints, options.process.args[0] ?? '')
  } finally {
    options.signal?.removeEventListener('abort', onAbort)
    running.abort()
    await arrived.catch(() => undefined)
  }
}

function execTask(kernel: Kernel, { child, terminal, stdout, stderr, exit }: Spawned, pid: number): ExecTask {
  // Nobody reads crun's complaints any more; a full pipe would stop it.
  if (terminal) stderr?.resume()
  const output = terminal?.stream ?? stdout
  if (!output) throw new EngineError('internal', `${CRUN}: no output`)
  const closed = drained(child, terminal ? [] : [output, stderr])
  const ended = exit.then(async (exitCode) => {
    await Promise.race([closed, sleep(OUTPUT_GRACE, undefined, { ref: false })])
    return { exitCode }
  })
  return {
    pid,
    stdin: terminal?.stream ?? child.stdin ?? undefined,
    stdout: output,
    stderr: terminal ? undefined : stderr,
    wait: () => ended,
    resize: (size) => {
      if (!terminal || terminal.stream.destroyed) return
      kernel.setWindowSize(terminal.masterFd, size)
      // crun copies the size of its own terminal to the one inside when it is told to.
      child.kill('SIGWINCH')
    },
    kill: (signal) => sendSignal(pid, signal),
  }
}

/** The pipes have ended and what came through them was read; a child of the program may hold them open. */
async function drained(child: ChildProcess, streams: (Readable | undefined)[]): Promise<void> {
  await new Promise((resolve) => child.once('close', resolve))
  const full = streams.filter(
    (stream) => stream !== undefined && stream.readableLength > 0 && !stream.destroyed,
  )
  await Promise.all(full.map((stream) => new Promise((resolve) => stream?.once('close', resolve))))
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
