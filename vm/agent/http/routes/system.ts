/** Routes of the engine itself: Docker's own and `/slipway/…`. */
import * as v from 'valibot'
import { EngineError } from '../../../api/errors.ts'
import type { ClockResponse, EngineConfig, MachineUsage } from '../../../api/slipway.ts'
import type { EventMessage, SomeDiskUsage, SystemInfo, VersionResponse } from '../../../api/system.ts'
import { configSchema } from '../../system/config-store.ts'
import { sizedFor } from '../older-clients.ts'
import type { Context, Filters, Route } from '../router.ts'

interface SystemBackend {
  version(): Promise<VersionResponse>
  info(): Promise<SystemInfo>
  diskUsage(types: readonly string[]): Promise<SomeDiskUsage>
  events(options: {
    since: number | undefined
    until: number | undefined
    filters: Filters
    signal: AbortSignal
  }): AsyncIterable<EventMessage>
  usage(): Promise<MachineUsage>
  readonly config: EngineConfig
  setConfig(config: EngineConfig): Promise<EngineConfig>
  setClock(now: number): ClockResponse
  shutdown(grace: number): Promise<void>
}

const clockSchema = v.object({ now: v.pipe(v.number(), v.minValue(0)) })
const DEFAULT_GRACE = 10

export function systemRoutes(system: SystemBackend): Route[] {
  return [
    { method: 'GET', path: '/_ping', handler: (ctx) => ping(ctx, 'OK') },
    { method: 'HEAD', path: '/_ping', handler: (ctx) => ping(ctx, '') },
    { method: 'GET', path: '/version', handler: async (ctx) => ctx.send(200, await system.version()) },
    { method: 'GET', path: '/info', handler: async (ctx) => ctx.send(200, await system.info()) },
    {
      method: 'GET',
      path: '/system/df',
      handler: (ctx) => diskUsage(ctx, system),
    },
    { method: 'GET', path: '/events', handler: (ctx) => events(ctx, system) },
    { method: 'GET', path: '/slipway/usage', handler: async (ctx) => ctx.send(200, await system.usage()) },
    { method: 'GET', path: '/slipway/config', handler: (ctx) => ctx.send(200, system.config) },
    {
      method: 'PUT',
      path: '/slipway/config',
      handler: async (ctx) => ctx.send(200, await system.setConfig(await ctx.json(configSchema))),
    },
    {
      method: 'PUT',
      path: '/slipway/clock',
      handler: async (ctx) => ctx.send(200, system.setClock((await ctx.json(clockSchema)).now)),
    },
    {
      method: 'POST',
      path: '/slipway/shutdown',
      handler: async (ctx) => {
        await system.shutdown(ctx.int('t') ?? DEFAULT_GRACE)
        ctx.empty(204)
      },
    },
  ]
}

function ping(ctx: Context, text: string): void {
  for (const [name, value] of Object.entries({
    'Builder-Version': '2',
    Swarm: 'inactive',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
  })) {
    ctx.response.setHeader(name, value)
  }
  ctx.text(200, text)
}

async function diskUsage(ctx: Context, system: SystemBackend): Promise<void> {
  const usage = await system.diskUsage(ctx.query.getAll('type'))
  const images = usage.Images?.map((image) => sizedFor(ctx.apiVersion, image)) ?? null
  ctx.send(200, { ...usage, Images: images })
}

async function events(ctx: Context, system: SystemBackend): Promise<void> {
  const source = system.events({
    since: eventTime('since', ctx.query.get('since')),
    until: eventTime('until', ctx.query.get('until')),
    filters: ctx.filters(),
    signal: ctx.signal,
  })
  await ctx.jsonLines(source, { eager: true })
}

/** Unix seconds with a fraction. */
function eventTime(name: string, text: string | null): number | undefined {
  if (text === null || text === '') return undefined
  if (!/^-?[0-9]+(\.[0-9]+)?$/.test(text)) {
    throw new EngineError('invalid_argument', `strconv.ParseInt: parsing "${text}": invalid syntax`, {
      details: { status: 500, field: name },
    })
  }
  return Number(text)
}
