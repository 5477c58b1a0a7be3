import type { Writable } from 'node:stream'
import { EngineError } from '../../vm/api/errors.ts'
import type { RunOutput } from '../contract.ts'
import type { Command } from './command.ts'
import { UsageError } from './command.ts'
import type { Context } from './context.ts'
import { sizeOf, terminalInput } from './terminal-input.ts'

/** What `ssh` itself ends with when it was not the command that failed. */
const FAILED = 255
/** Linux's numbers of the signals that SSH knows; the host may number them differently. */
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
}

export interface SshRequest {
  /** Words joined by spaces, for the guest's shell; undefined for a login shell. */
  readonly command: string | undefined
  readonly terminal: boolean
}

export const ssh: Command = {
  usage: '[-t | -T] [COMMAND…]',
  summary: 'Opens a shell in the virtual machine, or runs a command there.',
  passThrough: true,
  help: `Works as ssh does: the words are joined by spaces and read by the machine's shell, stdin, stdout and stderr
are the command's own, and its exit code is this command's (128 + the signal's number when a signal ended it;
255 when the connection failed).

  -t   give the command a terminal (a shell has one)
  -T   give the shell none

Example: slipway ssh df -h /var/lib/slipway`,
  async run(context, { words }) {
    const terminals = process.stdin.isTTY === true && process.stdout.isTTY === true
    const request = sshRequest(words, terminals)
    const raw = request.terminal && process.stdin.isTTY === true
    if (raw) process.stdin.setRawMode(true)
    try {
      return await relay(context, request)
    } finally {
      if (raw) process.stdin.setRawMode(false)
      process.stdin.destroy()
    }
  },
}

/** Reads the command line; `terminals` says whether both ends of this process are one. -tt asks for one regardless. */
export function sshRequest(words: readonly string[], terminals: boolean): SshRequest {
  let wanted: boolean | undefined
  let forced = false
  let first = 0
  for (; words[first]?.startsWith('-'); first++) {
    const flag = words[first]
    if (flag === '--') {
      first += 1
      break
    }
    if (flag === '-t' || flag === '-tt') {
      forced ||= flag === '-tt' || wanted === true
      wanted = true
    } else if (flag === '-T') wanted = false
    else throw new UsageError(`slipway ssh: unknown option ${flag}`)
  }
  const command = words.slice(first).join(' ')
  const terminal = forced || ((wanted ?? command === '') && terminals)
  return { command: command === '' ? undefined : command, terminal }
}

async function relay({ client, signal }: Context, { command, terminal }: SshRequest): Promise<number> {
  const options = {
    ...(command === undefined ? {} : { command }),
    ...(terminal ? { size: sizeOf(process) } : {}),
  }
  const leave = new AbortController()
  const stop = AbortSignal.any([signal, leave.signal])
  // Nobody reads on (`slipway ssh … | head`): the command need not go on either.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => leave.abort())
  const input = terminalInput(process, { sizes: terminal, signal: stop })
  try {
    for await (const value of client.open('machine.run', [options], { input, signal: stop })) {
      if ('exit' in value) return exitCode(value)
      await write(value.stream === 'stderr' ? process.stderr : process.stdout, value.data)
    }
  } catch (error) {
    if (leave.signal.aborted) return exitCode({ exit: { signal: 'SIGPIPE' } })
    if (error instanceof EngineError && error.kind !== 'cancelled') {
      process.stderr.write(`slipway: ${error.message}\n`)
      return FAILED
    }
    throw error
  }
  return FAILED
}

/** As a shell would put it. */
export function exitCode({ exit }: Extract<RunOutput, { exit: unknown }>): number {
  return 'code' in exit ? exit.code : 128 + (SIGNALS[exit.signal] ?? 0)
}

function write(stream: Writable, data: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (stream.write(data)) resolve()
    else {
      stream.once('drain', resolve)
      stream.once('error', () => resolve())
    }
  })
}
