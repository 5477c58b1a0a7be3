/** `/slipway` streams of the app: the host link and the UDP relay. See vm/api/slipway.ts and vm/api/datagrams.ts. */
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { EngineError } from '../../../api/errors.ts'
import type { Route } from '../router.ts'

interface HostLinkBackend {
  /** Takes over the stream; resolves when it ended. */
  accept(stream: Duplex): Promise<void>
  relayUdp(stream: Duplex, target: { host: string; port: number }): Promise<void>
}

export function hostLinkRoutes(backend: HostLinkBackend): Route[] {
  return [
    {
      method: 'POST',
      path: '/slipway/host-link',
      handler: async (ctx) => {
        requireUpgrade(ctx.request.headers.upgrade, 'slipway-host-link')
        await backend.accept(
          await ctx.hijack({ contentType: 'application/x-ndjson', protocol: 'slipway-host-link' }),
        )
      },
    },
    {
      method: 'POST',
      path: '/slipway/udp',
      handler: async (ctx) => {
        requireUpgrade(ctx.request.headers.upgrade, 'slipway-udp')
        const host = ctx.query.get('host') ?? ''
        const port = ctx.int('port') ?? 0
        if (isIP(host) === 0)
          throw new EngineError('invalid_argument', `invalid host: ${JSON.stringify(host)}`)
        if (port < 1 || port > 65535) throw new EngineError('invalid_argument', `invalid port: ${port}`)
        const stream = await ctx.hijack({ contentType: 'application/octet-stream', protocol: 'slipway-udp' })
        await backend.relayUdp(stream, { host, port })
      },
    },
  ]
}

function requireUpgrade(header: string | undefined, protocol: string): void {
  if (header?.toLowerCase() === protocol) return
  throw new EngineError('invalid_argument', `this endpoint needs an upgrade to ${protocol}`)
}
