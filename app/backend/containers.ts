import type { MethodHandlers } from '../dispatch.ts'
import type { MethodsOf, Parts } from './parts.ts'

type Elsewhere =
  `containers.${'recreate' | 'files' | 'readFile' | 'writeFile' | 'deleteFile' | 'ports' | 'setPorts'}`

/** Docker's own verbs, passed on as they are. */
export function containerMethods({ engine }: Parts): Omit<MethodsOf<'containers'>, Elsewhere> {
  const { containers, lifecycle } = engine
  const methods = {
    'containers.list': ([options], { signal }) => containers.list(options, { signal }),
    'containers.inspect': ([id], { signal }) => containers.inspect(id, { signal }),
    'containers.create': ([name, body], { signal }) => containers.create(name, body, { signal }),
    'containers.start': ([id], { signal }) => lifecycle.start(id, { signal }),
    'containers.stop': ([id, timeout], { signal }) => lifecycle.stop(id, { timeout, signal }),
    'containers.restart': ([id, timeout], { signal }) => lifecycle.restart(id, { timeout, signal }),
    'containers.kill': ([id, killSignal], { signal }) => lifecycle.kill(id, killSignal, { signal }),
    'containers.pause': ([id], { signal }) => lifecycle.pause(id, { signal }),
    'containers.unpause': ([id], { signal }) => lifecycle.unpause(id, { signal }),
    'containers.rename': ([id, name], { signal }) => lifecycle.rename(id, name, { signal }),
    'containers.update': ([id, body], { signal }) => lifecycle.update(id, body, { signal }),
    'containers.remove': ([id, options], { signal }) => containers.remove(id, { ...options, signal }),
    'containers.prune': (_args, { signal }) => containers.prune({ signal }),
    'containers.top': ([id], { signal }) => containers.top(id, { signal }),
    'containers.changes': ([id], { signal }) => containers.changes(id, { signal }),
  } satisfies Partial<MethodHandlers>
  return methods
}
