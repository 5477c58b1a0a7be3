/** Published ports of a container, changed while it runs: what Docker's API lacks. */
import { isIP } from 'node:net'
import * as v from 'valibot'
import type { PublishedPort } from '../../../api/slipway.ts'
import type { Route } from '../router.ts'

interface PortsBackend {
  /** Of a running container what is listened on, of a stopped one what will be asked for. */
  ports(container: string): Promise<PublishedPort[]>
  /** Makes `ports` the container's published ports, all or nothing; kept over restarts. */
  setPorts(
    container: string,
    ports: PublishedPort[],
    options: { signal: AbortSignal },
  ): Promise<PublishedPort[]>
}

const port = (min: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(65535))
const portsSchema = v.pipe(
  v.array(
    v.strictObject({
      containerPort: port(1),
      protocol: v.picklist(['tcp', 'udp']),
      hostIp: v.pipe(
        v.optional(v.string(), ''),
        v.check((text) => text === '' || isIP(text) !== 0, 'invalid IP address'),
      ),
      hostPort: v.optional(port(0), 0),
    }),
  ),
  v.maxLength(4096),
)

export function slipwayPortRoutes(backend: PortsBackend): Route[] {
  return [
    {
      method: 'GET',
      path: '/slipway/containers/{id}/ports',
      handler: async (ctx) => ctx.send(200, await backend.ports(ctx.param('id'))),
    },
    {
      method: 'PUT',
      path: '/slipway/containers/{id}/ports',
      handler: async (ctx) => {
        const ports = await ctx.json(portsSchema)
        ctx.send(200, await backend.setPorts(ctx.param('id'), ports, { signal: ctx.signal }))
      },
    },
  ]
}
