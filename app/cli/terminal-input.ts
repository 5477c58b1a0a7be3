import type { TerminalInput } from '../contract.ts'

export interface Terminal {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
}

/** Size of the terminal that this process writes to. */
export function sizeOf({ stdout }: Terminal): { rows: number; columns: number } {
  return { rows: stdout.rows || 24, columns: stdout.columns || 80 }
}

/** What is typed or piped in, at the consumer's pace, and each change of the terminal's size. Ends with stdin. */
export async function* terminalInput(
  terminal: Terminal,
  { sizes, signal }: { sizes: boolean; signal: AbortSignal },
): AsyncGenerator<TerminalInput, void, undefined> {
  const { stdin, stdout } = terminal
  const queue: TerminalInput[] = []
  let ended = false
  let wake = (): void => undefined
  const push = (message: TerminalInput): void => {
    queue.push(message)
    wake()
  }
  const end = (): void => {
    ended = true
    wake()
  }
  const onData = (data: Buffer): void => {
    stdin.pause()
    push({ type: 'data', data })
  }
  const onResize = (): void => push({ type: 'resize', size: sizeOf(terminal) })
  stdin.on('data', onData).on('end', end).on('error', end)
  if (sizes) stdout.on('resize', onResize)
  signal.addEventListener('abort', end)
  try {
    for (;;) {
      const next = queue.shift()
      if (next) yield next
      else if (ended) return
      else {
        stdin.resume()
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    stdin.off('data', onData).off('end', end).off('error', end)
    stdout.off('resize', onResize)
    signal.removeEventListener('abort', end)
  }
}
