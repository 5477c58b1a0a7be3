import { parseArgs } from 'node:util'
import { EngineError, messageOf } from '../../vm/api/errors.ts'
import type { Context } from './context.ts'

export interface Flag {
  readonly type: 'boolean' | 'string'
  readonly short?: string
  readonly help: string
}

/** One command of `slipway`. */
export interface Command {
  /** After the name, as in the usage line. */
  readonly usage: string
  readonly summary: string
  /** More, shown by its own --help. */
  readonly help?: string
  readonly flags?: Readonly<Record<string, Flag>>
  /** How many words it takes, least and most. */
  readonly words?: readonly [number, number]
  /** Its words are somebody else's command line: nothing but a leading --help is ours. */
  readonly passThrough?: boolean
  /** Answers the exit code; 0 when it answers nothing. */
  run(context: Context, args: Parsed): Promise<number | undefined>
}

export interface Parsed {
  readonly words: readonly string[]
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
}

/** A command line that makes no sense: exit code 2. */
export class UsageError extends EngineError {
  constructor(message: string) {
    super('invalid_argument', message)
  }
}

/** Splits a command's arguments; throws UsageError that says what is wrong with them. */
export function parseCommand(name: string, command: Command, args: readonly string[]): Parsed {
  if (command.passThrough) {
    const help = args[0] === '--help' || args[0] === '-h'
    return { words: args[0] === '--' ? args.slice(1) : args, flags: { help } }
  }
  const options = Object.fromEntries(
    Object.entries({ ...command.flags, help: { type: 'boolean', short: 'h', help: '' } as Flag }).map(
      ([flag, { type, short }]) => [flag, short === undefined ? { type } : { type, short }],
    ),
  )
  let parsed: { values: Parsed['flags']; positionals: string[] }
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true }) as typeof parsed
  } catch (error) {
    throw new UsageError(`slipway ${name}: ${messageOf(error).split('. ')[0]}`)
  }
  const { positionals, values } = parsed
  const [least, most] = command.words ?? [0, 0]
  if (values['help'] !== true && (positionals.length < least || positionals.length > most)) {
    const problem = positionals.length < least ? 'something is missing' : `unexpected ${positionals[most]}`
    throw new UsageError(`slipway ${name}: ${problem}`)
  }
  return { words: positionals, flags: values }
}

/** What `slipway NAME --help` prints. */
export function commandHelp(name: string, command: Command): string {
  const lines = [`Usage: slipway ${name}${command.usage ? ` ${command.usage}` : ''}`, '', command.summary]
  if (command.help) lines.push('', command.help)
  const flags = Object.entries(command.flags ?? {})
  if (flags.length > 0) lines.push('', 'Options:')
  for (const [flag, { short, help }] of flags) {
    lines.push(`  ${`${short ? `-${short}, ` : '    '}--${flag}`.padEnd(20)} ${help}`)
  }
  return lines.join('\n')
}
