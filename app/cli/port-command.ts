import { EngineError } from '../../vm/api/errors.ts'
import type { PublishedPort } from '../../vm/api/slipway.ts'
import { type Command, UsageError } from './command.ts'
import type { Context } from './context.ts'

export const port: Command = {
  usage: 'ls CONTAINER | add CONTAINER [IP:]HOST:PORT[/udp] | rm CONTAINER [IP:]HOST:PORT[/udp]',
  summary: 'Shows and changes a container’s published ports while it runs.',
  help: 'Example: slipway port add web 8080:80',
  words: [2, 3],
  async run(context, { words }) {
    const [verb, container = '', spec] = words
    if (verb === 'ls' && spec === undefined) return await list(context, container)
    if ((verb !== 'add' && verb !== 'rm') || spec === undefined) {
      throw new UsageError('slipway port: ls CONTAINER, or add or rm CONTAINER and [IP:]HOST:PORT[/udp]')
    }
    const change = parsePort(spec)
    const routes = await context.client.call('containers.ports', [container])
    const now = routes.map((route) => route.port)
    const next = verb === 'add' ? [...now, change] : without(now, change, container)
    await context.client.call('containers.setPorts', [container, next])
    return await list(context, container)
  },
}

async function list({ client, out }: Context, container: string): Promise<number> {
  for (const { port, hops, state } of await client.call('containers.ports', [container])) {
    const path = hops.map((hop) => `${hop.label} ${hop.address}:${hop.port}`).join(' → ')
    out.line(`${port.containerPort}/${port.protocol}  ${path}${state.listening ? '' : `  (${state.error})`}`)
  }
  return 0
}

function without(ports: readonly PublishedPort[], gone: PublishedPort, container: string): PublishedPort[] {
  const kept = ports.filter(
    (port) =>
      port.containerPort !== gone.containerPort ||
      port.protocol !== gone.protocol ||
      port.hostPort !== gone.hostPort ||
      (gone.hostIp !== '' && port.hostIp !== gone.hostIp),
  )
  if (kept.length === ports.length) {
    throw new EngineError(
      'not_found',
      `container ${container}: ${gone.hostPort}:${gone.containerPort} is not published`,
    )
  }
  return kept
}

/** `8080:80`, `127.0.0.1:8080:80/tcp`, `[::1]:53:53/udp`. */
export function parsePort(spec: string): PublishedPort {
  const parsed =
    /^(?:(?<ip>\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(?<host>\d+):(?<container>\d+)(?:\/(?<protocol>tcp|udp))?$/.exec(
      spec,
    )?.groups
  if (!parsed) throw new UsageError(`not a port: ${spec}: use [IP:]HOST:PORT[/udp], like 8080:80`)
  const number = (text: string | undefined, least: number): number => {
    const value = Number(text)
    if (value < least || value > 65_535) throw new UsageError(`not a port: ${spec}: ${text} is out of range`)
    return value
  }
  return {
    containerPort: number(parsed['container'], 1),
    protocol: parsed['protocol'] === 'udp' ? 'udp' : 'tcp',
    hostIp: (parsed['ip'] ?? '').replace(/^\[|\]$/g, ''),
    hostPort: number(parsed['host'], 0),
  }
}
