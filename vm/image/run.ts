import { spawn } from 'node:child_process'
import { EngineError } from '../api/errors.ts'

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Called with each complete line of the program's stderr. */
  readonly onLine?: (line: string) => void
}

const TAIL_LINES = 12

/**
 * Runs a program of the build host to its end and answers its stdout. A failure names the program, how it ended and the
 * last lines that it wrote; an abort kills it and throws the signal's reason.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  options.signal?.throwIfAborted()
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: 'C', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const abort = (): boolean => child.kill('SIGTERM')
  options.signal?.addEventListener('abort', abort, { once: true })
  const output: Buffer[] = []
  const tail: string[] = []
  let partial = ''
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (partial + chunk).split(/\r?\n|\r/)
    partial = lines.pop() ?? ''
    for (const line of lines) {
      tail.push(line)
      if (tail.length > TAIL_LINES) tail.shift()
      options.onLine?.(line)
    }
  })
  try {
    const ending = await new Promise<string | undefined>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new EngineError('internal', `${command}: cannot be started`, { cause: error })),
      )
      child.once('close', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)))
    })
    options.signal?.throwIfAborted()
    if (ending)
      throw new EngineError('internal', `${command}: ${ending}\n${[...tail, partial].join('\n').trim()}`)
    return Buffer.concat(output).toString('utf8')
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
}
