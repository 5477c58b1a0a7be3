/** Routes of images, registries and the distribution endpoint. */
import * as v from 'valibot'
import { EngineError } from '../../../api/errors.ts'
import type { ImageSearchResult, ProgressMessage, RegistryAuth } from '../../../api/images.ts'
import type { Filters, ImageService } from '../../images/images.ts'
import { imageFor, sizedFor } from '../older-clients.ts'
import type { Context, Route } from '../router.ts'

/** What these routes need of the engine. */
export interface ImageBackend
  extends Pick<
    ImageService,
    'list' | 'inspect' | 'history' | 'tag' | 'remove' | 'prune' | 'pull' | 'load' | 'save'
  > {
  /** not_found when the image is for another platform. */
  checkPlatform(
    reference: string,
    platform: { os: string; architecture: string; variant?: string },
  ): Promise<void>
  importArchive(
    source: AsyncIterable<Uint8Array> | string,
    options: Parameters<ImageService['import']>[1] & { signal: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  push(
    reference: string,
    options: { auth?: RegistryAuth; all?: boolean; signal?: AbortSignal },
  ): AsyncIterable<ProgressMessage>
  search(
    term: string,
    options: { auth?: RegistryAuth; limit?: number; filters?: Filters; signal?: AbortSignal },
  ): Promise<ImageSearchResult[]>
  distribution(reference: string, options: { auth?: RegistryAuth; signal?: AbortSignal }): Promise<unknown>
  registryTags(name: string, options: { auth?: RegistryAuth; signal?: AbortSignal }): Promise<string[]>
  login(
    auth: RegistryAuth,
    options: { signal?: AbortSignal },
  ): Promise<{ Status: string; IdentityToken: string }>
}

const AuthSchema = v.object({
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  auth: v.optional(v.string()),
  email: v.optional(v.string()),
  serveraddress: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
  registrytoken: v.optional(v.string()),
})

const PlatformSchema = v.object({
  os: v.string(),
  architecture: v.string(),
  variant: v.optional(v.string()),
})

/** `/images/…`, `/distribution/{name}/json`, `/auth`. */
export function imageRoutes(images: ImageBackend): Route[] {
  return [
    { method: 'GET', path: '/images/json', handler: (ctx) => list(ctx, images) },
    { method: 'GET', path: '/images/search', handler: (ctx) => search(ctx, images) },
    {
      method: 'GET',
      path: '/slipway/registry/tags',
      handler: async (ctx) => {
        const name = ctx.query.get('name') ?? ''
        ctx.send(200, await images.registryTags(name, { ...authOf(ctx), signal: ctx.signal }))
      },
    },
    { method: 'GET', path: '/images/get', handler: (ctx) => save(ctx, images, ctx.query.getAll('names')) },
    { method: 'GET', path: '/images/{name*}/get', handler: (ctx) => save(ctx, images, [ctx.param('name')]) },
    {
      method: 'GET',
      path: '/images/{name*}/json',
      handler: async (ctx) => {
        await checkPlatforms(ctx, images, [ctx.param('name')])
        ctx.send(200, imageFor(ctx.apiVersion, await images.inspect(ctx.param('name'))))
      },
    },
    {
      method: 'GET',
      path: '/images/{name*}/history',
      handler: async (ctx) => {
        await checkPlatforms(ctx, images, [ctx.param('name')])
        ctx.send(200, await images.history(ctx.param('name')))
      },
    },
    { method: 'POST', path: '/images/create', handler: (ctx) => create(ctx, images) },
    { method: 'POST', path: '/images/load', handler: (ctx) => load(ctx, images) },
    {
      method: 'POST',
      path: '/images/prune',
      handler: async (ctx) => ctx.send(200, await images.prune(ctx.filters())),
    },
    { method: 'POST', path: '/images/{name*}/push', handler: (ctx) => push(ctx, images) },
    { method: 'POST', path: '/images/{name*}/tag', handler: (ctx) => tag(ctx, images) },
    { method: 'DELETE', path: '/images/{name*}', handler: (ctx) => remove(ctx, images) },
    { method: 'GET', path: '/distribution/{name*}/json', handler: (ctx) => distribution(ctx, images) },
    { method: 'POST', path: '/auth', handler: (ctx) => login(ctx, images) },
  ]
}

async function list(ctx: Context, images: ImageBackend): Promise<void> {
  const filters = ctx.filters()
  const legacy = ctx.query.get('filter')
  if (legacy) filters['reference'] = [...(filters['reference'] ?? []), legacy]
  const options = { all: ctx.flag('all'), filters, sharedSize: ctx.flag('shared-size') }
  const found = await images.list(options)
  ctx.send(
    200,
    found.map((image) => sizedFor(ctx.apiVersion, image)),
  )
}

/** Pull, or import when the source is a tar. */
async function create(ctx: Context, images: ImageBackend): Promise<void> {
  const from = ctx.query.get('fromImage')
  const source = ctx.query.get('fromSrc')
  const platform = ctx.query.get('platform') ?? ''
  if (from) {
    const options = { ...authOf(ctx), ...(platform ? { platform } : {}), signal: ctx.signal }
    const reference = join(from, ctx.query.get('tag') ?? '')
    // The client asks for all tags by leaving the tag out.
    const all = reference === from && !/[:@][^/]*$/.test(from)
    return ctx.jsonLines(images.pull(reference, { ...options, all }))
  }
  return ctx.jsonLines(imported(ctx, images, source ?? '', platform))
}

async function* imported(
  ctx: Context,
  images: ImageBackend,
  source: string,
  platform: string,
): AsyncIterable<ProgressMessage> {
  const reference = join(ctx.query.get('repo') ?? '', ctx.query.get('tag') ?? '')
  const message = ctx.query.get('message')
  yield* images.importArchive(source === '-' ? ctx.body : source, {
    ...(reference ? { reference } : {}),
    ...(message ? { message } : {}),
    ...(platform ? { platform } : {}),
    changes: ctx.query.getAll('changes'),
    signal: ctx.signal,
  })
}

async function push(ctx: Context, images: ImageBackend): Promise<void> {
  const tag = ctx.query.get('tag') ?? ''
  const options = { ...authOf(ctx), all: tag === '', signal: ctx.signal }
  await checkPlatforms(ctx, images, [join(ctx.param('name'), tag)])
  await ctx.jsonLines(images.push(join(ctx.param('name'), tag), options))
}

async function load(ctx: Context, images: ImageBackend): Promise<void> {
  // As dockerd: what goes wrong is the last line, whenever it does.
  await ctx.jsonLines(images.load(ctx.body, { signal: ctx.signal }), { eager: true })
}

async function save(ctx: Context, images: ImageBackend, names: string[]): Promise<void> {
  await checkPlatforms(ctx, images, names)
  await ctx.stream('application/x-tar', images.save(names, { signal: ctx.signal }))
}

async function tag(ctx: Context, images: ImageBackend): Promise<void> {
  await images.tag(ctx.param('name'), join(ctx.query.get('repo') ?? '', ctx.query.get('tag') ?? ''))
  ctx.empty(201)
}

async function remove(ctx: Context, images: ImageBackend): Promise<void> {
  await checkPlatforms(ctx, images, [ctx.param('name')], 'platforms')
  ctx.send(
    200,
    await images.remove(ctx.param('name'), { force: ctx.flag('force'), noPrune: ctx.flag('noprune') }),
  )
}

async function search(ctx: Context, images: ImageBackend): Promise<void> {
  const limit = ctx.int('limit')
  if (limit !== undefined && (limit < 1 || limit > 100)) {
    throw new EngineError('invalid_argument', `limit ${limit} is outside the range of [1, 100]`)
  }
  ctx.send(
    200,
    await images.search(ctx.query.get('term') ?? '', {
      ...authOf(ctx),
      ...(limit === undefined ? {} : { limit }),
      filters: ctx.filters(),
      signal: ctx.signal,
    }),
  )
}

async function distribution(ctx: Context, images: ImageBackend): Promise<void> {
  ctx.send(200, await images.distribution(ctx.param('name'), { ...authOf(ctx), signal: ctx.signal }))
}

async function login(ctx: Context, images: ImageBackend): Promise<void> {
  const auth = (await ctx.json(AuthSchema)) as RegistryAuth
  ctx.send(200, await images.login(auth, { signal: ctx.signal }))
}

/** Images here have one platform each: another one than that is refused. */
async function checkPlatforms(
  ctx: Context,
  images: ImageBackend,
  names: readonly string[],
  parameter = 'platform',
): Promise<void> {
  for (const text of ctx.query.getAll(parameter).filter(Boolean)) {
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), PlatformSchema), text)
    if (!parsed.success) {
      throw new EngineError('invalid_argument', `failed to parse platform: ${parsed.issues[0].message}`)
    }
    const { os, architecture, variant } = parsed.output
    const platform = { os, architecture, ...(variant ? { variant } : {}) }
    for (const name of names) await images.checkPlatform(name, platform)
  }
}

/** X-Registry-Auth: base64url of JSON. An unreadable one is none, as dockerd has it. */
export function authOf(ctx: Context): { auth?: RegistryAuth } {
  const header = ctx.request.headers['x-registry-auth']
  if (typeof header !== 'string' || header === '') return {}
  const parsed = v.safeParse(
    v.pipe(v.string(), v.parseJson(), AuthSchema),
    Buffer.from(header, 'base64url').toString(),
  )
  return parsed.success ? { auth: parsed.output as RegistryAuth } : {}
}

/** `name` and `tag` as the client sends them apart; a digest may come as the tag. */
function join(name: string, tag: string): string {
  if (tag === '' || name === '') return name
  if (!tag.includes(':') && !/^\w[\w.-]{0,127}$/.test(tag)) {
    throw new EngineError('invalid_argument', 'invalid tag format')
  }
  return tag.includes(':') ? `${name}@${tag}` : `${name}:${tag}`
}
