import { EngineError } from '../../vm/api/errors.ts'
import type { PublishedPort } from '../../vm/api/slipway.ts'
import type { PortRoute } from '../contract.ts'
import { type Command, UsageError } from './command.ts'
import type { Context } from './context.ts'
import { parsePorts } from './port-spec.ts'

const FORM = 'slipway port: ls [CONTAINER], or add or rm CONTAINER and [[IP:][HOST]:]PORT[/udp]…'

export const port: Command = {
  usage: 'ls [CONTAINER] [--json] | add CONTAINER PORT… | rm CONTAINER PORT…',
  summary: 'Shows and changes a container’s published ports while it runs.',
  help: [
    'A PORT is [[IP:][HOST]:]PORT[/udp], as docker run -p has it; without HOST any free one is taken.',
    'All of them are changed or none.',
    '',
    'Examples:',
    '  slipway port add web 8080:80',
    '  slipway port add dns 127.0.0.1:5353:53/udp [::1]:5353:53/udp',
    '  slipway port rm web 8080:80',
    '  slipway port ls',
  ].join('\n'),
  words: [1, 64],
  flags: { json: { type: 'boolean', help: 'ls: print the ports as JSON.' } },
  async run(context, { words: [verb, container, ...specs], flags }) {
    const json = flags['json'] === true
    if (verb === 'ls' && specs.length === 0) return await list(context, container, json)
    if ((verb !== 'add' && verb !== 'rm') || container === undefined || specs.length === 0 || json) {
      throw new UsageError(FORM)
    }
    const changes = specs.flatMap(parsePorts)
    const routes = await context.client.call('containers.ports', [container])
    const now = routes.map((route) => route.port)
    const next = verb === 'add' ? [...now, ...changes] : without(now, changes, container)
    await context.client.call('containers.setPorts', [container, next])
    return await list(context, container, false)
  },
}

/** Of one container, or of all that run. */
async function list({ client, out }: Context, only: string | undefined, json: boolean): Promise<number> {
  const running = only === undefined ? await client.call('containers.list', [{ all: false }]) : []
  const names = only === undefined ? running.map(({ Names, Id }) => Names[0]?.slice(1) ?? Id) : [only]
  const routes: (PortRoute & { container: string })[] = []
  for (const container of names) {
    const own = await client.call('containers.ports', [container])
    routes.push(...own.map((route) => ({ container, ...route })))
  }
  if (json) out.line(JSON.stringify(routes))
  else
    for (const route of routes) out.line(`${only === undefined ? `${route.container}  ` : ''}${text(route)}`)
  return 0
}

function text({ port, hops, state }: PortRoute): string {
  const path = hops.map(({ label, address, port: number }) => {
    return `${label} ${address.includes(':') ? `[${address}]` : address}:${number}`
  })
  const problem = state.listening ? '' : `  (${state.error})`
  return `${port.containerPort}/${port.protocol}  ${path.join(' → ')}${problem}`
}

function without(
  ports: readonly PublishedPort[],
  gone: readonly PublishedPort[],
  container: string,
): PublishedPort[] {
  const covers = (one: PublishedPort, port: PublishedPort) =>
    port.containerPort === one.containerPort &&
    port.protocol === one.protocol &&
    port.hostPort === one.hostPort &&
    (one.hostIp === '' || port.hostIp === one.hostIp)
  const missing = gone.find((one) => !ports.some((port) => covers(one, port)))
  if (missing) {
    const { hostIp, hostPort, containerPort, protocol } = missing
    const address = hostIp === '' ? '' : `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:`
    throw new EngineError(
      'not_found',
      `container ${container}: ${address}${hostPort}:${containerPort}/${protocol} is not published`,
    )
  }
  return ports.filter((port) => !gone.some((one) => covers(one, port)))
}
