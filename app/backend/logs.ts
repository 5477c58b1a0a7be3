import { EngineError } from '../../vm/api/errors.ts'
import { tailFile } from './file-tail.ts'
import type { Parts } from './parts.ts'

type Source = 'serial' | 'app' | 'engine'

/** Last lines first, then live; each value is text with its line ends. */
export function machineLogs(
  { home, machine }: Pick<Parts, 'home' | 'machine'>,
  source: Source,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  switch (source) {
    case 'serial':
      return tailFile(home.serialLog, { signal })
    case 'app':
      return tailFile(home.appLog, { signal })
    case 'engine':
      return engineLog(machine, signal)
  }
}

/** The agent's own log lives in the guest's memory; it is followed there. */
async function* engineLog(
  machine: Parts['machine'],
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const session = await machine.shell({
    rows: 24,
    columns: 4096,
    command: 'exec tail -n 500 -F /var/log/slipway/agent.log',
    signal,
  })
  const decoder = new TextDecoder()
  const hangUp = (): void => {
    session.destroy()
  }
  signal.addEventListener('abort', hangUp)
  try {
    for await (const chunk of session)
      yield decoder.decode(chunk as Uint8Array, { stream: true }).replaceAll('\r\n', '\n')
  } catch (cause) {
    if (!signal.aborted) throw new EngineError('unavailable', 'the engine’s log ended', { cause })
  } finally {
    signal.removeEventListener('abort', hangUp)
    session.destroy()
  }
}
