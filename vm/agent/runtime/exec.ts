/** Further processes in a container: `crun exec`, without a monitor. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PassThrough, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../../api/errors.ts'
import type { Child, FdListener, Kernel } from '../linux/kernel.ts'
import { spawnPiped } from '../linux/pipe-stream.ts'
import type { FileArrival } from './file-arrival.ts'
import { execFailure } from './messages.ts'
import type { OciProcess } from './oci.ts'
import { CRUN, crunFlags, type RuntimePaths } from './paths.ts'
import type { ExecTask } from './runtime.ts'
import { SEALED } from './sealed-crun.ts'
import { readIfThere } from './task-state.ts'
import { terminalStream } from './terminal.ts'

export interface ExecContext {
  kernel: Kernel
  paths: RuntimePaths
  /** Watches `paths.execs`. */
  arrivals: FileArrival
}

/** How long after the program's end its output may take to be read, in milliseconds: a child of it may hold the pipe. */
const OUTPUT_GRACE = 500

let counter = 0

interface ExecOptions {
  process: OciProcess
  tty: boolean
  stdin: boolean
  signal?: AbortSignal
}

/**
 * Runs `process` in container `id`; resolves when its program runs. A program that is not there or not executable is
 * invalid_argument with Docker's words and `details.exitCode`.
 */
export async function startExec(context: ExecContext, id: string, options: ExecOptions): Promise<ExecTask> {
  options.signal?.throwIfAborted()
  const { execs } = context.paths
  const name = `${++counter}`
  const spec = join(execs, `${name}.json`)
  const pidFile = join(execs, `${name}.pid`)
  writeFileSync(spec, JSON.stringify({ ...options.process, terminal: options.tty }), { mode: 0o600 })
  // crun sends the master of the terminal that it makes inside the container, before it writes the pid.
  const terminal = options.tty ? context.kernel.listenForFd(join(execs, `${name}.tty`)) : undefined
  const socket = terminal ? ['--console-socket', join(execs, `${name}.tty`)] : []
  const args = [...crunFlags(context.paths), 'exec', '--process', spec, '--pid-file', pidFile, ...socket, id]
  try {
    const exec = spawnCrun(context, args, options)
    const pid = await pidOf(context, exec, { ...options, name, pidFile, terminal })
    return terminal ? terminalTask(context.kernel, exec, pid, terminal) : pipeTask(exec, pid)
  } finally {
    terminal?.[Symbol.dispose]()
    for (const path of [spec, pidFile]) rmSync(path, { force: true })
  }
}

/** crun at work on an exec. */
interface Spawned {
  child: Child
  stdin: Writable | undefined
  stdout: PassThrough | undefined
  stderr: PassThrough
  /** Exit code of crun, which is the program's: 128 + n for a signal. */
  exit: Promise<number>
}

function spawnCrun({ kernel, paths }: ExecContext, args: string[], { tty, stdin }: ExecOptions): Spawned {
  // With a terminal, stderr carries crun's own complaints only.
  const { child, ends } = spawnPiped(kernel, {
    program: paths.program,
    args,
    env: { ...SEALED, PATH: '/usr/sbin:/usr/bin' },
    stdio: [stdin && !tty ? 'reads' : 'null', tty ? 'null' : 'writes', 'writes'],
    session: true,
  })
  const [input, stdout, stderr] = ends as [Writable | undefined, PassThrough | undefined, PassThrough]
  void child.exit.then(() => input?.destroy())
  return { child, stdin: input, stdout, stderr, exit: child.exit.then(({ code }) => code) }
}

/** The program's pid, once it runs. */
async function pidOf(
  { arrivals }: ExecContext,
  exec: Spawned,
  options: {
    process: OciProcess
    name: string
    pidFile: string
    terminal: FdListener | undefined
    signal?: AbortSignal
  },
): Promise<number> {
  const running = new AbortController()
  const onAbort = () => exec.child.kill('SIGKILL')
  options.signal?.addEventListener('abort', onAbort, { once: true })
  const look = () => readPid(options.pidFile)
  const arrived = arrivals.wait(`${options.name}.pid`, look, { signal: running.signal })
  try {
    const pid = await Promise.race([arrived, exec.exit.then(look)])
    if (pid !== undefined) return pid
    options.signal?.throwIfAborted()
    throw execFailure(await complaints(exec, options.terminal), options.process.args[0] ?? '')
  } finally {
    options.signal?.removeEventListener('abort', onAbort)
    running.abort()
    await arrived.catch(() => undefined)
  }
}

/** What crun said; once it has made the terminal it complains there. */
async function complaints({ stderr }: Spawned, terminal: FdListener | undefined): Promise<string> {
  const master = terminal?.receive()
  const there = master === undefined ? '' : await text(terminalStream(master))
  return `${await text(stderr)}${there}`
}

function pipeTask({ stdin, stdout, stderr, exit }: Spawned, pid: number): ExecTask {
  if (!stdout) throw new EngineError('internal', `${CRUN}: no output`)
  const ended = endOf(exit, Promise.all([stdout, stderr].map(drained)))
  return {
    pid,
    stdin,
    stdout,
    stderr,
    wait: () => ended,
    resize: () => undefined,
    kill: (signal) => sendSignal(pid, signal),
  }
}

function terminalTask(
  kernel: Kernel,
  { stderr, exit }: Spawned,
  pid: number,
  listener: FdListener,
): ExecTask {
  const master = listener.receive()
  if (master === undefined) throw new EngineError('internal', `${CRUN}: sent no terminal`)
  // Nobody reads crun's complaints any more; a full pipe would stop it.
  stderr.resume()
  const stream = terminalStream(master)
  const ended = endOf(exit, new Promise((resolve) => stream.once('end', resolve)))
  return {
    pid,
    stdin: stream,
    stdout: stream,
    stderr: undefined,
    wait: () => ended,
    resize: (size) => {
      if (!stream.destroyed && !stream.readableEnded) kernel.setWindowSize(master, size)
    },
    kill: (signal) => sendSignal(pid, signal),
  }
}

/** The exit, once the output was read too, or too late for that. */
async function endOf(exit: Promise<number>, read: Promise<unknown>): Promise<{ exitCode: number }> {
  const exitCode = await exit
  await Promise.race([read, sleep(OUTPUT_GRACE, undefined, { ref: false })])
  return { exitCode }
}

/** The last holder has closed its side, and whoever began to read has read all of it. */
async function drained(stream: PassThrough): Promise<void> {
  const told = (event: string) => new Promise((resolve) => stream.once(event, resolve))
  if (!stream.writableFinished) await told('finish')
  if (stream.readableLength > 0 && !stream.destroyed) await told('close')
}

function sendSignal(pid: number, signal: number): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function readPid(path: string): Promise<number | undefined> {
  return Number(readIfThere(path)) || undefined
}
