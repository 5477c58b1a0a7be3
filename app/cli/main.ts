import { EngineError, kindOf, messageOf } from '../../vm/api/errors.ts'
import { ControlClient } from '../control-client.ts'
import { resolveHome } from '../home.ts'
import { type Command, commandHelp, parseCommand, UsageError } from './command.ts'
import { config } from './config-command.ts'
import type { Context } from './context.ts'
import { doctor } from './doctor-command.ts'
import { env, logs, open, version } from './info-commands.ts'
import { restart, start, status, stop } from './machine-commands.ts'
import { type Output, terminalOutput } from './output.ts'
import { port } from './port-command.ts'
import { reset } from './reset-command.ts'
import { ssh } from './ssh-command.ts'

const help: Command = {
  usage: '[COMMAND]',
  summary: 'Prints this, or how a command is used.',
  words: [0, 1],
  async run({ out }, { words: [name] }) {
    out.line(name === undefined ? overview() : commandHelp(name, find(name)))
    return 0
  },
}

export const COMMANDS: Readonly<Record<string, Command>> = {
  start,
  stop,
  restart,
  status,
  open,
  env,
  ssh,
  logs,
  doctor,
  reset,
  port,
  config,
  version,
  help,
}

function find(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) throw new UsageError(`slipway: no such command: ${name}`)
  return command
}

function overview(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`)
  return [
    'Usage: slipway COMMAND',
    '',
    'Linux containers on this computer, for the docker command and everything that speaks to it.',
    '',
    ...rows,
    '',
    'First steps:',
    '  slipway start',
    '  eval "$(slipway env)"',
    '  docker run --rm -p 8080:80 slipway/welcome',
    '',
    'slipway COMMAND --help says more about one of them.',
  ].join('\n')
}

/** Runs a command line and answers the exit code; whatever fails is said in one or two lines. */
export async function main(
  args: readonly string[],
  { root, version, out = terminalOutput() }: { root: string; version: string; out?: Output },
): Promise<number> {
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    const [word = 'help', ...rest] = args
    const name = { '--help': 'help', '-h': 'help', '--version': 'version', '-v': 'version' }[word] ?? word
    const command = find(name)
    const parsed = parseCommand(name, command, rest)
    if (parsed.flags['help'] === true) {
      out.line(commandHelp(name, command))
      return 0
    }
    const home = resolveHome()
    const client = new ControlClient(home.controlSocket)
    const context: Context = { home, root, version, out, client, signal: interrupted.signal }
    return (await command.run(context, parsed)) ?? 0
  } catch (error) {
    return explain(error, args, out)
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

function explain(error: unknown, args: readonly string[], out: Output): number {
  if (kindOf(error) === 'cancelled') return 130
  out.note(messageOf(error))
  if (error instanceof UsageError) {
    const known = Object.hasOwn(COMMANDS, args[0] ?? '')
    out.note(`See: slipway ${known ? `${args[0]} --help` : 'help'}`)
    return 2
  }
  if (error instanceof EngineError && error.hint) out.note(error.hint)
  return 1
}
