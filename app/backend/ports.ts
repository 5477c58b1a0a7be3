import type { MethodHandlers } from '../dispatch.ts'
import type { Parts } from './parts.ts'

type PortMethods = Pick<MethodHandlers, 'containers.ports' | 'containers.setPorts' | 'ports.free'>

export function portMethods({ engine, ports }: Parts): PortMethods {
  return {
    'containers.ports': ([id], { signal }) => ports.routes(id, signal),
    'containers.setPorts': ([id, wanted], { signal }) => engine.slipway.setPorts(id, wanted, { signal }),
    'ports.free': ([hostIp, port, protocol]) => ports.probe(hostIp, port, protocol),
  }
}
