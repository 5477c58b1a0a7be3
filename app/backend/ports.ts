import type { PublishedPort } from '../../vm/api/slipway.ts'
import type { PortRoute } from '../contract.ts'
import type { MethodHandlers } from '../dispatch.ts'
import type { Parts } from './parts.ts'

type PortMethods = Pick<MethodHandlers, 'containers.ports' | 'containers.setPorts' | 'ports.free'>

export function portMethods({ engine, ports, settings }: Parts): PortMethods {
  return {
    'containers.ports': async ([id], { signal }) => {
      const [published, { Id }] = await Promise.all([
        engine.slipway.ports(id, { signal }),
        engine.containers.inspect(id, { signal }),
      ])
      return joinRoutes(published, ports.routes(Id), settings.value.portModel)
    },
    'containers.setPorts': ([id, wanted], { signal }) => engine.slipway.setPorts(id, wanted, { signal }),
    'ports.free': ([hostIp, port, protocol]) => ports.probe(hostIp, port, protocol),
  }
}

/**
 * One route per published port, as the engine keeps it: a port bound on both families is one, and one that nothing
 * listens for (its container does not run) is there too. Pure.
 */
export function joinRoutes(
  published: readonly PublishedPort[],
  routes: readonly PortRoute[],
  model: PortRoute['model'],
): PortRoute[] {
  return published.map((port) => {
    const own = routes.filter(
      (route) =>
        route.port.containerPort === port.containerPort &&
        route.port.protocol === port.protocol &&
        route.port.hostPort === port.hostPort &&
        (port.hostIp === '' || route.port.hostIp === port.hostIp),
    )
    const shown = own.find(({ state }) => !state.listening) ?? own[0]
    if (shown) return { ...shown, port }
    return {
      port,
      model,
      hops: [{ label: 'host', address: port.hostIp || '127.0.0.1', port: port.hostPort }],
      state: { listening: false, error: 'the container is not running' },
    }
  })
}
