import type { TerminalInput } from '../contract.ts'
import type { Command } from './command.ts'
import type { Context } from './context.ts'

export const ssh: Command = {
  usage: '[COMMAND…]',
  summary: 'Opens a shell in the virtual machine, or runs a command there.',
  passThrough: true,
  help: 'Example: slipway ssh df -h /var/lib/slipway',
  async run(context, { words }) {
    const { stdin } = process
    const raw = stdin.isTTY === true
    if (raw) stdin.setRawMode(true)
    try {
      await relay(context, words)
    } finally {
      if (raw) stdin.setRawMode(false)
      stdin.destroy()
    }
    return 0
  },
}

async function relay({ client, signal }: Context, words: readonly string[]): Promise<void> {
  const size = terminalSize()
  const target = {
    kind: 'vm' as const,
    size,
    ...(words.length > 0 ? { command: words.map(quote).join(' ') } : {}),
  }
  const output = client.open('containers.terminal', [target], { input: keys(signal), signal })
  for await (const bytes of output) process.stdout.write(bytes)
}

/** Keys and sizes, in order. */
async function* keys(signal: AbortSignal): AsyncGenerator<TerminalInput, void, undefined> {
  const queue: TerminalInput[] = []
  let wake: (() => void) | undefined
  const push = (message: TerminalInput): void => {
    queue.push(message)
    wake?.()
  }
  let ended = false
  const end = (): void => {
    ended = true
    wake?.()
  }
  process.stdin.on('data', (data: Buffer) => push({ type: 'data', data }))
  process.stdin.on('end', end)
  process.stdout.on('resize', () => push({ type: 'resize', size: terminalSize() }))
  signal.addEventListener('abort', end)
  for (;;) {
    const next = queue.shift()
    if (next) yield next
    else if (ended) return
    else
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }
}

function terminalSize(): { rows: number; columns: number } {
  return { rows: process.stdout.rows || 24, columns: process.stdout.columns || 80 }
}

/** One word for the guest's shell. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
