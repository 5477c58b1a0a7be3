import { setTimeout as sleep } from 'node:timers/promises'
import type { PublishedPort } from '../../vm/api/slipway.ts'
import { withDeadline } from '../../vm/api/with-deadline.ts'
import type { PortRoute } from '../contract.ts'
import type { MethodHandlers } from '../dispatch.ts'
import type { Parts } from './parts.ts'

type PortMethods = Pick<
  MethodHandlers,
  'containers.ports' | 'containers.setPorts' | 'ports.free' | 'ports.answers'
>

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
    'ports.answers': ([port], { signal }) => answers(port, { signal }),
  }
}

/** How long a program may take to listen after its container started, and between two looks (ms). */
const PATIENCE = 15_000
const PAUSE = 200

/** A port is bound before its program listens, which resets who comes too early: asks until any HTTP answer comes. */
async function answers(port: number, { signal }: { signal: AbortSignal }): Promise<boolean> {
  const end = Date.now() + PATIENCE
  while (Date.now() < end) {
    const asked = withDeadline(2000, signal)
    const response = await fetch(`http://localhost:${port}/`, { signal: asked, redirect: 'manual' }).catch(
      () => undefined,
    )
    await response?.body?.cancel()
    if (response) return true
    await sleep(PAUSE, undefined, { signal })
  }
  return false
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
