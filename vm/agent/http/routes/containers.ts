/** Routes of containers: parsing and answering only. */
import type { Duplex } from 'node:stream'
import type {
  ContainerCreateRequest,
  ContainerInspect,
  ContainerStats,
  ContainerSummary,
  ContainersPruneResponse,
  Resources,
  RestartPolicy,
  TopResponse,
  WaitResponse,
} from '../../../api/containers.ts'
import { EngineError } from '../../../api/errors.ts'
import { compact, createSchema, updateSchema } from '../../containers/create-schema.ts'
import { parseDetachKeys } from '../../containers/detach-keys.ts'
import { parseLogTime, parseTail } from '../../containers/logs.ts'
import { containerFor, createFor, summaryFor, updateFor } from '../older-clients.ts'
import type { Context, Filters, Route } from '../router.ts'
import { compareVersions } from '../version-prefix.ts'

type StopOptions = { timeout?: number; signal?: string }

interface LifecycleBackend {
  create(
    request: ContainerCreateRequest,
    wanted: { name?: string | undefined; platform?: string },
  ): Promise<{ Id: string; Warnings: string[] }>
  start(reference: string): Promise<void>
  stop(reference: string, options: StopOptions): Promise<void>
  restart(reference: string, options: StopOptions): Promise<void>
  kill(reference: string, signal: string | undefined): Promise<void>
  pause(reference: string): Promise<void>
  unpause(reference: string): Promise<void>
  rename(reference: string, name: string): Promise<void>
  remove(reference: string, options: { force?: boolean; volumes?: boolean; link?: boolean }): Promise<void>
  update(
    reference: string,
    change: Resources & { RestartPolicy?: RestartPolicy },
  ): Promise<{ Warnings: string[] | null }>
  wait(reference: string, condition: string, signal: AbortSignal): Promise<WaitResponse>
  prune(filters: Filters): Promise<ContainersPruneResponse>
}

interface InspectionBackend {
  list(options: {
    all: boolean
    limit?: number
    size: boolean
    filters: Filters
  }): Promise<ContainerSummary[]>
  inspect(reference: string, options: { size?: boolean }): Promise<ContainerInspect>
}

interface AttachWish {
  stdin: boolean
  stdout: boolean
  stderr: boolean
  logs: boolean
  stream: boolean
  detachKeys: number[]
}

interface StreamsBackend {
  isTty(reference: string): boolean
  attach(reference: string, options: AttachWish): Promise<(client: Duplex) => Promise<void>>
  logs(
    reference: string,
    options: {
      stdout: boolean
      stderr: boolean
      follow: boolean
      timestamps: boolean
      details: boolean
      tail: number | undefined
      since: string | undefined
      until: string | undefined
      signal: AbortSignal
    },
  ): AsyncIterable<Buffer>
  stats(
    reference: string,
    options: { stream: boolean; oneShot: boolean; signal: AbortSignal },
  ): AsyncIterable<ContainerStats>
  top(reference: string, args: string): Promise<TopResponse>
  resize(reference: string, size: { rows: number; columns: number }): Promise<void>
}

export interface ContainerBackends {
  lifecycle: LifecycleBackend
  inspection: InspectionBackend
  streams: StreamsBackend
}

export function containerRoutes({ lifecycle, inspection, streams }: ContainerBackends): Route[] {
  const id = (ctx: Context) => ctx.param('id')
  /** A verb that answers 204. */
  const verb = (name: string, run: (ctx: Context) => Promise<void>): Route => ({
    method: 'POST',
    path: `/containers/{id}/${name}`,
    handler: async (ctx) => {
      await run(ctx)
      ctx.empty(204)
    },
  })
  return [
    { method: 'GET', path: '/containers/json', handler: (ctx) => list(ctx, inspection) },
    { method: 'POST', path: '/containers/create', handler: (ctx) => create(ctx, lifecycle) },
    {
      method: 'POST',
      path: '/containers/prune',
      handler: async (ctx) => ctx.send(200, await lifecycle.prune(ctx.filters())),
    },
    {
      method: 'GET',
      path: '/containers/{id}/json',
      handler: async (ctx) => {
        const found = await inspection.inspect(id(ctx), { size: ctx.flag('size') })
        ctx.send(200, containerFor(ctx.apiVersion, found))
      },
    },
    verb('start', (ctx) => {
      if (Number(ctx.request.headers['content-length'] ?? 0) > 7) {
        throw new EngineError(
          'invalid_argument',
          'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
        )
      }
      return lifecycle.start(id(ctx))
    }),
    verb('stop', (ctx) => lifecycle.stop(id(ctx), stopOptions(ctx))),
    verb('restart', (ctx) => lifecycle.restart(id(ctx), stopOptions(ctx))),
    verb('kill', (ctx) => lifecycle.kill(id(ctx), ctx.query.get('signal') ?? undefined)),
    verb('pause', (ctx) => lifecycle.pause(id(ctx))),
    verb('unpause', (ctx) => lifecycle.unpause(id(ctx))),
    verb('rename', (ctx) => lifecycle.rename(id(ctx), ctx.query.get('name') ?? '')),
    {
      method: 'DELETE',
      path: '/containers/{id}',
      handler: async (ctx) => {
        await lifecycle.remove(id(ctx), {
          force: ctx.flag('force'),
          volumes: ctx.flag('v'),
          link: ctx.flag('link'),
        })
        ctx.empty(204)
      },
    },
    {
      method: 'POST',
      path: '/containers/{id}/update',
      handler: async (ctx) => {
        const change = compact<Resources>(await ctx.json(updateSchema, { optional: true }))
        ctx.send(200, await lifecycle.update(id(ctx), updateFor(ctx.apiVersion, change)))
      },
    },
    { method: 'POST', path: '/containers/{id}/wait', handler: (ctx) => wait(ctx, lifecycle) },
    {
      method: 'POST',
      path: '/containers/{id}/resize',
      handler: async (ctx) => {
        await streams.resize(id(ctx), terminalSize(ctx))
        ctx.empty(200)
      },
    },
    { method: 'POST', path: '/containers/{id}/attach', handler: (ctx) => attach(ctx, streams) },
    { method: 'GET', path: '/containers/{id}/attach/ws', handler: (ctx) => attachWebSocket(ctx, streams) },
    { method: 'GET', path: '/containers/{id}/logs', handler: (ctx) => logs(ctx, streams) },
    {
      method: 'GET',
      path: '/containers/{id}/top',
      handler: async (ctx) => ctx.send(200, await streams.top(id(ctx), ctx.query.get('ps_args') ?? '')),
    },
    { method: 'GET', path: '/containers/{id}/stats', handler: (ctx) => stats(ctx, streams) },
  ]
}

async function list(ctx: Context, inspection: InspectionBackend): Promise<void> {
  const limit = ctx.int('limit')
  const found = await inspection.list({
    all: ctx.flag('all'),
    size: ctx.flag('size'),
    filters: ctx.filters(),
    ...(limit === undefined ? {} : { limit }),
  })
  ctx.send(
    200,
    found.map((container) => summaryFor(ctx.apiVersion, container)),
  )
}

async function create(ctx: Context, lifecycle: LifecycleBackend): Promise<void> {
  const body = await ctx.json(createSchema)
  const request = createFor(ctx.apiVersion, keepExplicit(body, compact<ContainerCreateRequest>(body)))
  const platform = compareVersions(ctx.apiVersion, '1.41') < 0 ? '' : (ctx.query.get('platform') ?? '')
  const wanted = { name: ctx.query.get('name') || undefined, platform }
  ctx.send(201, await lifecycle.create(request, wanted))
}

/** compact() drops nulls; an endpoint written as null still names a network. */
function keepExplicit(
  body: { NetworkingConfig?: unknown },
  request: ContainerCreateRequest,
): ContainerCreateRequest {
  const given = (body.NetworkingConfig as ContainerCreateRequest['NetworkingConfig'])?.EndpointsConfig
  if (!given) return request
  const endpoints = Object.fromEntries(
    Object.entries(given).map(([name, settings]) => [
      name,
      settings === null ? {} : compact<object>(settings),
    ]),
  )
  return { ...request, NetworkingConfig: { EndpointsConfig: endpoints } }
}

function stopOptions(ctx: Context): StopOptions {
  const timeout = ctx.int('t')
  const signal = ctx.query.get('signal')
  return { ...(timeout === undefined ? {} : { timeout }), ...(signal ? { signal } : {}) }
}

/** The headers go at once: `docker run` starts the container only after them. */
async function wait(ctx: Context, lifecycle: LifecycleBackend): Promise<void> {
  const legacy = compareVersions(ctx.apiVersion, '1.30') < 0
  const result = lifecycle.wait(ctx.param('id'), legacy ? '' : (ctx.query.get('condition') ?? ''), ctx.signal)
  await ctx.jsonLines(once(result), { eager: !legacy })
}

async function* once<T>(value: Promise<T>): AsyncIterable<T> {
  yield await value
}

export function terminalSize(ctx: Context): { rows: number; columns: number } {
  const read = (what: string, name: string) => {
    const text = ctx.query.get(name) ?? ''
    const problem = !/^[+-]?[0-9]+$/.test(text)
      ? 'invalid syntax'
      : Number(text) < 0 || Number(text) >= 2 ** 32
        ? 'value out of range'
        : undefined
    if (problem) throw new EngineError('invalid_argument', `invalid resize ${what} "${text}": ${problem}`)
    return Number(text)
  }
  return { rows: read('height', 'h'), columns: read('width', 'w') }
}

/** Docker's media type of a raw stream for this client. */
export function streamType(ctx: Context, tty: boolean): string {
  const multiplexed = !tty && compareVersions(ctx.apiVersion, '1.42') >= 0
  return `application/vnd.docker.${multiplexed ? 'multiplexed' : 'raw'}-stream`
}

/** Only clients that upgrade are told of frames; the frames are there all the same. */
export function hijackedType(ctx: Context, tty: boolean): string {
  return streamType(ctx, tty || ctx.request.headers.upgrade === undefined)
}

function attachWish(ctx: Context): AttachWish {
  return {
    stdin: ctx.flag('stdin'),
    stdout: ctx.flag('stdout'),
    stderr: ctx.flag('stderr'),
    logs: ctx.flag('logs'),
    stream: ctx.flag('stream'),
    detachKeys: parseDetachKeys(ctx.query.get('detachKeys')),
  }
}

async function attach(ctx: Context, streams: StreamsBackend): Promise<void> {
  const couple = await streams.attach(ctx.param('id'), attachWish(ctx))
  const contentType = hijackedType(ctx, streams.isTty(ctx.param('id')))
  await couple(await ctx.hijack({ contentType }))
}

/** Output in frames of the stream's own, input as it comes; no multiplexing, as in dockerd. */
async function attachWebSocket(ctx: Context, streams: StreamsBackend): Promise<void> {
  const wish = attachWish(ctx)
  const couple = await streams.attach(ctx.param('id'), wish)
  const { acceptWebSocket } = await import('../websocket.ts')
  await couple(await acceptWebSocket(ctx, streams.isTty(ctx.param('id'))))
}

async function logs(ctx: Context, streams: StreamsBackend): Promise<void> {
  const id = ctx.param('id')
  const [stdout, stderr] = [ctx.flag('stdout'), ctx.flag('stderr')]
  if (!stdout && !stderr) {
    throw new EngineError('invalid_argument', 'Bad parameters: you must choose at least one stream')
  }
  const tty = streams.isTty(id)
  const chunks = streams.logs(id, {
    stdout,
    stderr,
    follow: ctx.flag('follow'),
    timestamps: ctx.flag('timestamps'),
    details: ctx.flag('details'),
    tail: parseTail(ctx.query.get('tail')),
    since: parseLogTime('since', ctx.query.get('since')),
    until: parseLogTime('until', ctx.query.get('until')),
    signal: ctx.signal,
  })
  await ctx.stream(streamType(ctx, tty), chunks, { eager: true })
}

async function stats(ctx: Context, streams: StreamsBackend): Promise<void> {
  const stream = ctx.flag('stream', true)
  const oneShot = ctx.flag('one-shot') && compareVersions(ctx.apiVersion, '1.41') >= 0
  if (stream && oneShot) {
    throw new EngineError('invalid_argument', 'cannot have stream=true and one-shot=true')
  }
  await ctx.jsonLines(streams.stats(ctx.param('id'), { stream, oneShot, signal: ctx.signal }), {
    eager: true,
  })
}
