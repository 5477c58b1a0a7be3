import type { StreamHandlers } from '../dispatch.ts'
import { watchEvents } from '../engine/events.ts'
import type { MethodsOf, Parts } from './parts.ts'
import { untilRunning } from './running.ts'

export function systemMethods({ engine: { system } }: Parts): MethodsOf<'system'> {
  return {
    'system.version': (_args, { signal }) => system.version({ signal }),
    'system.info': (_args, { signal }) => system.info({ signal }),
    'system.df': (_args, { signal }) => system.df({ signal }),
  }
}

export function eventStreams({ engine, machine }: Parts): Pick<StreamHandlers, 'events'> {
  return {
    events: (_args, { signal }) =>
      watchEvents(engine.http, { signal, ready: (ended) => untilRunning(machine, ended) }),
  }
}
