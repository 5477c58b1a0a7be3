import { EngineError } from '../../vm/api/errors.ts'
import type { RunOutput, TerminalInput } from '../contract.ts'
import type { StreamContext } from '../dispatch.ts'
import type { Machine } from '../machine/machine.ts'
import type { Session, SessionOptions } from '../machine/ssh.ts'

/** One command in the VM: its output as it comes, and last how it ended. Leaving hangs up. */
export async function* runStream(
  machine: Pick<Machine, 'run'>,
  options: Pick<SessionOptions, 'command' | 'size'>,
  { input, signal }: StreamContext<TerminalInput>,
): AsyncGenerator<RunOutput, void, undefined> {
  const session = await machine.run({ ...options, signal })
  const hangUp = (): void => void session.destroy()
  signal.addEventListener('abort', hangUp)
  // A command may end without having read everything; that is its own business.
  const feeding = feed(session, input).catch(hangUp)
  try {
    yield* merged(outputOf(session, 'stdout'), outputOf(session, 'stderr'))
    const exit = await session.ended
    if (!exit) throw new EngineError('unavailable', 'the connection to the virtual machine was lost')
    yield { exit }
  } finally {
    signal.removeEventListener('abort', hangUp)
    session.destroy()
    void feeding
  }
}

async function* outputOf(session: Session, stream: 'stdout' | 'stderr'): AsyncGenerator<RunOutput> {
  // Not destroyed at its end: stdin may still be open then.
  const bytes = stream === 'stderr' ? session.stderr : session.iterator({ destroyOnReturn: false })
  for await (const data of bytes) yield { stream, data: data as Uint8Array }
}

/** Values of both as they come; one that fails ends both. */
async function* merged<T>(...sources: AsyncGenerator<T>[]): AsyncGenerator<T, void, undefined> {
  const next = (source: AsyncGenerator<T>) => {
    const coming = source.next().then((result) => ({ source, result }))
    // It may fail while the consumer is busy with the other one; the race below is told then.
    coming.catch(() => undefined)
    return coming
  }
  const pending = new Map(sources.map((source) => [source, next(source)]))
  while (pending.size > 0) {
    const { source, result } = await Promise.race(pending.values())
    if (result.done) {
      pending.delete(source)
      continue
    }
    yield result.value
    pending.set(source, next(source))
  }
}

async function feed(session: Session, input: AsyncIterable<TerminalInput>): Promise<void> {
  for await (const message of input) {
    if (session.destroyed) return
    if (message.type === 'resize') session.resize(message.size)
    else if (!(await written(session, message.data))) return
  }
  if (!session.destroyed) session.end()
}

/** False when nobody reads any more. */
function written(session: Session, data: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => session.write(data, (error) => resolve(!error)))
}
