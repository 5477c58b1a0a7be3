/** Routes of the builder: the classic endpoint, and the door for BuildKit's clients. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import * as v from 'valibot'
import { EngineError, messageOf } from '../../../api/errors.ts'
import type { ProgressMessage, RegistryAuth } from '../../../api/images.ts'
import { type BuildOptions, PLAIN_OPTIONS } from '../../build/options.ts'
import type { Filters } from '../../images/images.ts'
import { check } from '../body.ts'
import { parseGoJson } from '../go-json.ts'
import type { Context, Route } from '../router.ts'

/** What these routes need of the engine. */
export interface BuildRoutesBackend {
  build(
    tar: AsyncIterable<Uint8Array>,
    options: BuildOptions,
    more: { signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  /** The same by BuildKit's rules and with its progress; without a tar the context is the session's. */
  buildkitBuild(
    tar: AsyncIterable<Uint8Array> | undefined,
    options: BuildOptions,
    more: { ref: string; sessionId: string; signal: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  /** Ends a build that a client has named. */
  cancel(ref: string): Promise<void>
  /** `space`: bytes, 0 where nothing was said. */
  prune(options: {
    all: boolean
    filters: Filters
    space: { reserved: number; maxUsed: number; minFree: number }
  }): Promise<{ CachesDeleted: string[]; SpaceReclaimed: number }>
  /** Serves BuildKit's protocol on a connection until it ends. */
  grpc(stream: Duplex): Promise<void>
  /** Uses what the client offers on a connection until it ends. */
  session(stream: Duplex, request: IncomingMessage): Promise<void>
}

const Strings = v.record(v.string(), v.string())
const Arguments = v.record(v.string(), v.nullable(v.string()))
const Ulimits = v.pipe(
  v.union([v.array(v.object({ Name: v.string(), Soft: v.number(), Hard: v.number() })), v.object({})]),
  v.transform((value) => (Array.isArray(value) ? value : [])),
)
const Auths = v.record(
  v.string(),
  v.object({
    username: v.optional(v.string()),
    password: v.optional(v.string()),
    auth: v.optional(v.string()),
    identitytoken: v.optional(v.string()),
    registrytoken: v.optional(v.string()),
    serveraddress: v.optional(v.string()),
  }),
)

export function buildRoutes(builds: BuildRoutesBackend): Route[] {
  return [
    {
      method: 'POST',
      path: '/build',
      handler: async (ctx) => {
        const options = optionsOf(ctx)
        const { signal } = ctx
        const isBuildkit = ctx.query.get('version') === '2'
        const messages = isBuildkit
          ? builds.buildkitBuild(hasBody(ctx) ? ctx.body : undefined, options, { ...buildkitOf(ctx), signal })
          : builds.build(ctx.body, options, { signal })
        await ctx.jsonLines(messages)
      },
    },
    {
      method: 'POST',
      path: '/build/cancel',
      handler: async (ctx) => {
        const id = ctx.query.get('id') ?? ''
        if (id === '') throw new EngineError('invalid_argument', 'build ID not provided')
        await builds.cancel(id)
        ctx.empty(200)
      },
    },
    {
      method: 'POST',
      path: '/build/prune',
      handler: async (ctx) => {
        const { CachesDeleted, SpaceReclaimed } = await builds.prune({
          all: ctx.flag('all'),
          filters: ctx.filters(),
          space: {
            // The older name of it.
            reserved: ctx.int('reserved-space') ?? ctx.int('keep-storage') ?? 0,
            maxUsed: ctx.int('max-used-space') ?? 0,
            minFree: ctx.int('min-free-space') ?? 0,
          },
        })
        ctx.send(200, { CachesDeleted: CachesDeleted.length > 0 ? CachesDeleted : null, SpaceReclaimed })
      },
    },
    { method: 'POST', path: '/grpc', handler: async (ctx) => builds.grpc(await http2Of(ctx)) },
    {
      method: 'POST',
      path: '/session',
      handler: async (ctx) => {
        requireSession(ctx)
        await builds.session(await http2Of(ctx), ctx.request)
      },
    },
  ]
}

/** The context comes with the request unless the client says that its session has it. */
function hasBody(ctx: Context): boolean {
  return ctx.query.get('remote') !== 'client-session'
}

function buildkitOf(ctx: Context): { ref: string; sessionId: string } {
  return { ref: ctx.query.get('buildid') || randomUUID(), sessionId: ctx.query.get('session') ?? '' }
}

/** The connection as the client wants it: HTTP/2 without encryption. */
function http2Of(ctx: Context): Promise<Duplex> {
  const protocol = ctx.request.headers.upgrade
  if (protocol !== 'h2c')
    throw new EngineError('invalid_argument', `unsupported upgrade protocol: ${protocol ?? 'none'}`)
  return ctx.hijack({ contentType: 'application/grpc', protocol })
}

function requireSession(ctx: Context): void {
  if (ctx.request.headers['x-docker-expose-session-uuid']) return
  throw new EngineError('invalid_argument', 'X-Docker-Expose-Session-Uuid: missing')
}

function optionsOf(ctx: Context): BuildOptions {
  const text = (name: string) => ctx.query.get(name) ?? ''
  if (text('remote') !== '' && text('remote') !== 'client-session') {
    throw new EngineError('not_implemented', `remote build contexts are not supported: ${text('remote')}`)
  }
  for (const name of ['squash', 'isolation', 'cgroupparent']) {
    if (!['', '0', 'false', 'default'].includes(text(name)))
      throw new EngineError('not_implemented', `build option ${name} is not supported`)
  }
  const auths = authsOf(ctx)
  return {
    ...PLAIN_OPTIONS,
    dockerfile: text('dockerfile'),
    tags: ctx.query.getAll('t').filter((tag) => tag !== ''),
    buildArgs: parsed(ctx, 'buildargs', 'build args', Arguments),
    labels: parsed(ctx, 'labels', 'labels', Strings),
    target: text('target'),
    noCache: ctx.flag('nocache'),
    pull: ctx.flag('pull'),
    platform: text('platform') || undefined,
    remove: ctx.flag('rm', true),
    forceRemove: ctx.flag('forcerm'),
    quiet: ctx.flag('q'),
    networkMode: text('networkmode') || undefined,
    memory: ctx.int('memory') ?? 0,
    memorySwap: ctx.int('memswap') ?? 0,
    cpuShares: ctx.int('cpushares') ?? 0,
    cpuPeriod: ctx.int('cpuperiod') ?? 0,
    cpuQuota: ctx.int('cpuquota') ?? 0,
    cpusetCpus: text('cpusetcpus'),
    shmSize: ctx.int('shmsize') ?? 0,
    extraHosts: ctx.query.getAll('extrahosts').filter((host) => host !== ''),
    ulimits: parsed(ctx, 'ulimits', 'ulimit settings', Ulimits),
    auth: async (registry) => auths[registry],
  }
}

/** A query parameter that holds JSON; invalid_argument says what it is for. */
function parsed<S extends v.GenericSchema>(
  ctx: Context,
  name: string,
  what: string,
  schema: S,
): v.InferOutput<S> {
  const text = ctx.query.get(name)
  try {
    return check(parseGoJson(text || '{}') ?? {}, schema)
  } catch (error) {
    const message = messageOf(error).replace(/^invalid JSON: /, '')
    throw new EngineError('invalid_argument', `error reading ${what}: ${message}`, { cause: error })
  }
}

/** X-Registry-Config, by registry name as references have it. */
function authsOf(ctx: Context): Record<string, RegistryAuth> {
  const header = ctx.request.headers['x-registry-config']
  if (typeof header !== 'string' || header === '') return {}
  const text = Buffer.from(header, 'base64url').toString()
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), Auths), text)
  if (!result.success) return {}
  return Object.fromEntries(
    Object.entries(result.output).map(([address, auth]) => [domainOf(address), auth as RegistryAuth]),
  )
}

function domainOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  return host === 'index.docker.io' ? 'docker.io' : host
}
