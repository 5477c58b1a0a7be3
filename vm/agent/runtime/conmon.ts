/** Starting conmon, the monitor that holds one container's stdio, log and exit status. */
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { EngineError } from '../../api/errors.ts'
import type { Kernel } from '../linux/kernel.ts'
import { spawnPiped } from '../linux/pipe-stream.ts'
import { CONMON, crunFlags, type RuntimePaths } from './paths.ts'
import { SEALED } from './sealed-crun.ts'

export interface ConmonOptions {
  id: string
  bundle: string
  logPath: string
  tty: boolean
  openStdin: boolean
  /** The first client that ends its side ends the container's stdin. */
  stdinOnce: boolean
}

/** conmon's messages to control fifo `ctl`. */
export const ControlMessage = {
  resize: (rows: number, columns: number) => `1 ${bounded(rows)} ${bounded(columns)}\n`,
  reopenLog: () => '2 0 0\n',
} as const

export interface Conmon {
  readonly pid: number
  /** Resolves when the process is gone, for whatever reason. */
  readonly ended: Promise<void>
}

/** Its arguments; pure. `--sync` saves its double fork: it leaves our session by itself and outlives us all the same. */
export function conmonArguments(options: ConmonOptions, paths: RuntimePaths): string[] {
  const { id, bundle, logPath, tty, openStdin, stdinOnce } = options
  return [
    '--sync',
    '--no-sync-log',
    '--full-attach',
    ['--cid', id, '--cuuid', id, '--name', id],
    ['--runtime', paths.program],
    crunFlags(paths).flatMap((flag) => ['--runtime-arg', flag]),
    ['--bundle', bundle],
    ['--container-pidfile', `${bundle}/pid`],
    ['--exit-dir', paths.exits],
    ['--log-path', `k8s-file:${logPath}`],
    tty ? '--terminal' : [],
    openStdin ? '--stdin' : [],
    openStdin && stdinOnce && !tty ? [] : '--leave-stdin-open',
  ].flat()
}

/** A monitor that was started and waits for the word to go on. */
export interface WaitingConmon {
  readonly arguments: readonly string[]
  /** Resolves when the process is gone, for whatever reason. */
  readonly ended: Promise<void>
  /**
   * Lets it run `crun create`; resolves with the pid of the container's init once that has succeeded. `failed` makes
   * the error from the runtime's own message.
   */
  go(failed: (message: string) => EngineError): Promise<{ conmon: Conmon; initPid: number }>
  kill(): void
}

/** Spawns conmon; it opens the log, whose folder must be there, and waits at its start pipe. */
export function spawnConmon(kernel: Kernel, options: ConmonOptions, paths: RuntimePaths): WaitingConmon {
  const args = conmonArguments(options, paths)
  const { child, ends } = spawnPiped(kernel, {
    program: CONMON,
    args,
    cwd: '/',
    env: {
      ...SEALED,
      PATH: '/usr/sbin:/usr/bin',
      TMPDIR: paths.tmp,
      _OCI_SYNCPIPE: '3',
      _OCI_STARTPIPE: '4',
    },
    stdio: ['null', 'null', 'writes', 'writes', 'reads'],
    session: true,
  })
  const [, , stderr, report, start] = ends as [undefined, undefined, Readable, Readable, Writable]
  const complaints = text(stderr)
  complaints.catch(() => undefined)
  const ended = child.exit.then(() => undefined)
  return {
    arguments: args,
    ended,
    kill: () => child.kill('SIGKILL'),
    async go(failed) {
      start.end('\0')
      const line = await firstLine(report)
      if (line === undefined) throw failed((await complaints) || 'the monitor ended without a word')
      const { pid: initPid, message } = JSON.parse(line) as { pid: number; message?: string }
      if (initPid <= 0) throw failed(message ?? '')
      return { conmon: { pid: child.pid, ended }, initPid }
    },
  }
}

/** What comes before the first line break; undefined when the stream ends without one. Stops reading then. */
async function firstLine(stream: Readable): Promise<string | undefined> {
  let line = ''
  for await (const chunk of stream.setEncoding('utf8')) {
    line += chunk
    if (line.includes('\n')) return line.slice(0, line.indexOf('\n'))
  }
  return undefined
}

/** conmon refuses windows beyond 1000. */
const bounded = (size: number): number => Math.min(1000, Math.max(0, Math.trunc(size)))
