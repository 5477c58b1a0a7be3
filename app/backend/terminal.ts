import type { Duplex } from 'node:stream'
import { EngineError } from '../../vm/api/errors.ts'
import type { TerminalInput, TerminalTarget } from '../contract.ts'
import type { StreamContext } from '../dispatch.ts'
import { decodeFrames } from '../engine/frames.ts'
import { readBytes } from '../engine/http.ts'
import type { TerminalSize } from '../engine/terminals.ts'
import type { Parts } from './parts.ts'

/** An open terminal, however it came about. */
interface Terminal {
  readonly stream: Duplex
  /** Output in 8-byte frames (a container without a TTY). */
  readonly multiplexed: boolean
  resize(size: TerminalSize): Promise<void> | void
}

type Opening = Pick<Parts, 'engine' | 'machine'>

/**
 * One terminal: opens it at the client's size, then bytes out, keys and sizes in. Ends when the process does; the
 * client's `end` is EOF on its stdin, leaving hangs up.
 */
export async function* terminalStream(
  parts: Opening,
  target: TerminalTarget,
  { input, signal }: StreamContext<TerminalInput>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const terminal = await open(parts, target, signal)
  const { stream } = terminal
  const hangUp = (): void => {
    stream.destroy()
  }
  signal.addEventListener('abort', hangUp)
  const feeding = feed(terminal, input).catch((error: unknown) => {
    stream.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  try {
    if (terminal.multiplexed) {
      for await (const { data } of decodeFrames(readBytes(stream, signal))) yield data
    } else {
      yield* readBytes(stream, signal)
    }
  } finally {
    signal.removeEventListener('abort', hangUp)
    stream.destroy()
    void feeding
  }
}

async function feed(terminal: Terminal, input: AsyncIterable<TerminalInput>): Promise<void> {
  const { stream } = terminal
  for await (const message of input) {
    if (stream.destroyed) return
    if (message.type === 'resize') await resizeIfAlive(terminal, message.size)
    else if (!stream.write(message.data)) await drained(stream)
  }
  if (!stream.destroyed) stream.end()
}

/** A process that ended between two keys is no failure of the terminal: its output ends by itself. */
async function resizeIfAlive(terminal: Terminal, size: TerminalSize): Promise<void> {
  try {
    await terminal.resize(size)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
  }
}

function drained(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
}

async function open(parts: Opening, target: TerminalTarget, signal: AbortSignal): Promise<Terminal> {
  switch (target.kind) {
    case 'exec':
      return await openExec(parts, target, signal)
    case 'attach':
      return await openAttach(parts, target.container, target.size, signal)
    case 'debug':
      return await openDebug(parts, target.container, target.size, signal)
    case 'vm':
      return await openShell(parts, target.size, signal, target.command)
  }
}

async function openExec(
  { engine: { terminals } }: Opening,
  target: Extract<TerminalTarget, { kind: 'exec' }>,
  signal: AbortSignal,
): Promise<Terminal> {
  const { size } = target
  const execId = await terminals.execCreate(
    target.container,
    {
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
      Cmd: target.command,
      Env: ['TERM=xterm-256color'],
      ConsoleSize: [size.rows, size.columns],
      Privileged: target.privileged ?? false,
      User: target.user ?? '',
      WorkingDir: target.workdir ?? '',
    },
    { signal },
  )
  const hijacked = await terminals.execStart(execId, { tty: true, size, signal })
  return { ...hijacked, resize: (next) => terminals.execResize(execId, next) }
}

async function openAttach(
  { engine: { terminals, containers } }: Opening,
  container: string,
  size: TerminalSize,
  signal: AbortSignal,
): Promise<Terminal> {
  const { Config } = await containers.inspect(container, { signal })
  const { stream, multiplexed } = await terminals.attach(container, { signal })
  const resize = async (next: TerminalSize): Promise<void> => {
    if (Config.Tty) await terminals.resize(container, next)
  }
  const terminal = { stream, multiplexed: multiplexed || !Config.Tty, resize }
  await resizeIfAlive(terminal, size)
  return terminal
}

async function openShell(
  { machine }: Opening,
  size: TerminalSize,
  signal: AbortSignal,
  command?: string,
): Promise<Terminal> {
  const shell = await machine.shell({ ...size, signal, ...(command === undefined ? {} : { command }) })
  return { stream: shell, multiplexed: false, resize: (next) => shell.resize(next) }
}

/**
 * A shell of the VM inside the container's namespaces, all but its files: those are under /proc/<pid>/root, where it
 * begins, because an image without a shell has nothing to run there.
 */
async function openDebug(
  parts: Opening,
  container: string,
  size: TerminalSize,
  signal: AbortSignal,
): Promise<Terminal> {
  const { State, Name } = await parts.engine.containers.inspect(container, { signal })
  if (!State.Running) {
    throw new EngineError('conflict', `container ${Name.replace(/^\//, '')} is not running`)
  }
  const pid = State.Pid
  // A /proc of its own: with that of the VM, ps would show other containers too, by numbers that kill does not take.
  const command = [
    `inside=$(busybox awk '/^NSpid/ { print $NF }' /proc/${pid}/status)`,
    `exec nsenter -t ${pid} -u -i -n -p -- busybox unshare -m busybox sh -c ` +
      '"mount -t proc proc /proc && cd /proc/$inside/root && exec busybox sh"',
  ].join(' && ')
  return await openShell(parts, size, signal, command)
}
