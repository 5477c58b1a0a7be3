/** https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Network */
import * as v from 'valibot'
import { EngineError } from '../../../api/errors.ts'
import type {
  EndpointSettings,
  IpamConfig,
  NetworkCreateRequest,
  NetworkInspect,
} from '../../../api/networks.ts'
import { compact } from '../../containers/create-schema.ts'
import type { Filters, Route } from '../router.ts'

interface NetworksBackend {
  list(filters: Filters): Promise<NetworkInspect[]>
  inspect(idOrName: string): Promise<NetworkInspect>
  create(request: NetworkCreateRequest): Promise<{ Id: string; Warning: string }>
  remove(idOrName: string): Promise<void>
  prune(filters: Filters): Promise<{ NetworksDeleted: string[] | null }>
}

/** Connecting changes the container's own configuration too, running or not. */
interface MembersBackend {
  connectNetwork(container: string, network: string, settings: EndpointSettings): Promise<void>
  disconnectNetwork(container: string, network: string, options: { force: boolean }): Promise<void>
}

const strings = v.nullish(v.record(v.string(), v.string()), null)
const names = v.nullish(v.array(v.string()), null)
const text = v.optional(v.string(), '')
const flag = v.optional(v.boolean(), false)

const createSchema = v.pipe(
  v.object({
    Name: text,
    Driver: text,
    Scope: text,
    Internal: flag,
    Attachable: flag,
    Ingress: flag,
    ConfigOnly: flag,
    ConfigFrom: v.nullish(v.object({ Network: text }), null),
    IPAM: v.nullish(
      v.object({
        Driver: text,
        Options: strings,
        Config: v.nullish(
          v.array(
            v.pipe(
              v.object({
                Subnet: v.nullish(v.string()),
                IPRange: v.nullish(v.string()),
                Gateway: v.nullish(v.string()),
                AuxiliaryAddresses: v.nullish(v.record(v.string(), v.string())),
              }),
              v.transform((pool) => compact<IpamConfig>(pool)),
            ),
          ),
          null,
        ),
      }),
      null,
    ),
    EnableIPv4: v.nullish(v.boolean(), null),
    EnableIPv6: v.nullish(v.boolean(), null),
    Options: strings,
    Labels: strings,
  }),
  v.title('CreateRequest'),
)

/** EndpointSettings as clients send it; fields that only answers carry are dropped. */
export const endpointSchema = v.object({
  IPAMConfig: v.nullish(
    v.pipe(
      v.object({
        IPv4Address: v.nullish(v.string()),
        IPv6Address: v.nullish(v.string()),
        LinkLocalIPs: v.nullish(v.array(v.string())),
      }),
      v.transform((addresses) => compact<NonNullable<EndpointSettings['IPAMConfig']>>(addresses)),
    ),
    null,
  ),
  Links: names,
  Aliases: names,
  MacAddress: text,
  DriverOpts: strings,
  GwPriority: v.optional(v.pipe(v.number(), v.integer()), 0),
})

const connectSchema = v.pipe(
  v.object({ Container: text, EndpointConfig: v.nullish(endpointSchema, null) }),
  v.title('ConnectOptions'),
)
const disconnectSchema = v.pipe(v.object({ Container: text, Force: flag }), v.title('DisconnectOptions'))

export function networkRoutes(backend: NetworksBackend, members: MembersBackend): Route[] {
  return [
    {
      method: 'GET',
      path: '/networks',
      handler: async (ctx) => ctx.send(200, await backend.list(ctx.filters())),
    },
    {
      method: 'POST',
      path: '/networks/create',
      handler: async (ctx) =>
        ctx.send(201, await backend.create(await ctx.json(createSchema, { optional: true }))),
    },
    {
      method: 'POST',
      path: '/networks/prune',
      handler: async (ctx) => ctx.send(200, await backend.prune(ctx.filters())),
    },
    {
      method: 'GET',
      path: '/networks/{id}',
      handler: async (ctx) => {
        const scope = ctx.query.get('scope')
        if (scope && scope !== 'local') {
          throw new EngineError('not_found', `network ${ctx.param('id')} not found`)
        }
        ctx.send(200, await backend.inspect(ctx.param('id')))
      },
    },
    {
      method: 'DELETE',
      path: '/networks/{id}',
      handler: async (ctx) => {
        await backend.remove(ctx.param('id'))
        ctx.empty(204)
      },
    },
    {
      method: 'POST',
      path: '/networks/{id}/connect',
      handler: async (ctx) => {
        const { Container, EndpointConfig } = await ctx.json(connectSchema, { optional: true })
        await members.connectNetwork(named(Container), ctx.param('id'), EndpointConfig ?? {})
        ctx.empty(200)
      },
    },
    {
      method: 'POST',
      path: '/networks/{id}/disconnect',
      handler: async (ctx) => {
        const { Container, Force } = await ctx.json(disconnectSchema, { optional: true })
        await members.disconnectNetwork(named(Container), ctx.param('id'), { force: Force })
        ctx.empty(200)
      },
    },
  ]
}

function named(container: string): string {
  if (container === '') throw new EngineError('invalid_argument', 'invalid name or ID supplied: ""')
  return container
}
