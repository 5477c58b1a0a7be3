/** Questions to a registry that pull nothing: login, search, distribution inspect. */
import * as v from 'valibot'
import { EngineError, kindOf } from '../../api/errors.ts'
import type { ImageSearchResult, RegistryAuth } from '../../api/images.ts'
import type { Digest } from '../content/store.ts'
import type { Filters } from './images.ts'
import { isIndex } from './media-types.ts'
import { DOCKER_HUB, parseReference, type Reference } from './reference.ts'
import type { Registry, Repository } from './registry.ts'

interface Options {
  auth?: RegistryAuth
  signal?: AbortSignal
}
const DEFAULT_LIMIT = 25

/** `docker login`. unauthenticated in Docker's words when the registry refuses. */
export async function login(
  registry: Registry,
  auth: RegistryAuth,
  options: { signal?: AbortSignal },
): Promise<{ Status: string; IdentityToken: string }> {
  const server = (auth.serveraddress ?? '').replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  const domain = server === '' || server === 'index.docker.io' ? DOCKER_HUB : server
  try {
    await registry.login(domain, auth, options)
  } catch (error) {
    if (kindOf(error) !== 'unauthenticated') throw error
    const address = domain === DOCKER_HUB ? 'registry-1.docker.io' : domain
    const refusal = `login attempt to https://${address}/v2/ failed with status: 401 Unauthorized`
    throw new EngineError('unauthenticated', refusal, { cause: error })
  }
  return { Status: 'Login Succeeded', IdentityToken: '' }
}

/**
 * `docker search`. Docker Hub has a search of its own (v1); other registries have the catalogue, filtered here.
 */
export async function searchImages(
  registry: Registry,
  term: string,
  options: Options & { limit?: number; filters?: Filters },
): Promise<ImageSearchResult[]> {
  if (term === '') throw new EngineError('invalid_argument', 'a search term is needed')
  for (const name of Object.keys(options.filters ?? {})) {
    if (!['is-automated', 'is-official', 'stars'].includes(name)) {
      throw new EngineError('invalid_argument', `invalid filter '${name}'`)
    }
  }
  const limit = options.limit ?? DEFAULT_LIMIT
  const slash = term.indexOf('/')
  const first = slash < 0 ? '' : term.slice(0, slash)
  const domain = /[.:]|^localhost$/.test(first) ? first : DOCKER_HUB
  const wanted = domain === DOCKER_HUB ? term : term.slice(slash + 1)
  const results =
    domain === DOCKER_HUB
      ? await searchHub(registry, wanted, limit, options)
      : await searchCatalog(registry, domain, wanted, options)
  return results.filter((result) => accepted(result, options.filters ?? {})).slice(0, limit)
}

/** What a name points at in its registry, as `docker manifest inspect` and compose ask. */
export async function inspectDistribution(
  registry: Registry,
  reference: Reference,
  options: Options,
): Promise<unknown> {
  return registry.withRepository(reference, options, async (repository) => {
    const signal = options.signal ? { signal: options.signal } : {}
    const { descriptor, bytes } = await repository.manifest(
      reference.digest ?? reference.tag ?? 'latest',
      undefined,
      signal,
    )
    const manifest: Manifest = JSON.parse(Buffer.from(bytes).toString())
    const platforms = isIndex(descriptor.mediaType)
      ? (manifest.manifests ?? []).flatMap(({ platform }) => (platform ? [platform] : []))
      : await configuredPlatform(repository, manifest, signal)
    return { Descriptor: descriptor, Platforms: platforms }
  })
}

interface Manifest {
  manifests?: { platform?: unknown }[]
  config?: { digest?: unknown; size?: unknown }
}

/** What an image of one platform says in its config; nothing where that cannot be had. */
async function configuredPlatform(
  repository: Pick<Repository, 'blob'>,
  { config }: Manifest,
  options: { signal?: AbortSignal },
): Promise<object[]> {
  const found = v.safeParse(ConfigDescriptor, config)
  if (!found.success) return []
  const { digest, size } = found.output
  const chunks: Uint8Array[] = []
  for await (const chunk of repository.blob({ digest: digest as Digest, size }, options)) {
    chunks.push(Buffer.from(chunk))
  }
  const platform = v.safeParse(ConfiguredPlatform, Buffer.concat(chunks).toString())
  return platform.success ? [platform.output] : []
}

const ConfigDescriptor = v.object({
  digest: v.pipe(v.string(), v.startsWith('sha256:')),
  size: v.pipe(v.number(), v.maxValue(4 << 20)),
})
const ConfiguredPlatform = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ architecture: v.string(), os: v.string(), variant: v.exactOptional(v.string()) }),
)

/** How many tags a completion shows at most; one page of what registries answer. */
const TAGS = 1000

/** The tags that an image's registry lists, in its order. */
export async function listTags(
  registry: Registry,
  reference: Reference,
  options: Options,
): Promise<string[]> {
  const answer = await registry.withRepository(reference, options, (repository) =>
    repository.getJson(`/v2/${reference.path}/tags/list?n=${TAGS}`, options),
  )
  const tags = (answer as { tags?: unknown } | null)?.tags
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : []
}

async function searchHub(
  registry: Registry,
  term: string,
  limit: number,
  options: Options,
): Promise<ImageSearchResult[]> {
  const answer = await registry.getJson(
    'index.docker.io',
    `/v1/search?q=${encodeURIComponent(term)}&n=${limit}`,
    options,
  )
  const results = (answer as { results?: unknown } | null)?.results
  return Array.isArray(results) ? results.map((item) => resultOf(item as Record<string, unknown>)) : []
}

async function searchCatalog(
  registry: Registry,
  domain: string,
  term: string,
  options: Options,
): Promise<ImageSearchResult[]> {
  const answer = await registry.getJson(domain, '/v2/_catalog?n=1000', options)
  const repositories = (answer as { repositories?: unknown } | null)?.repositories
  const names = Array.isArray(repositories) ? repositories.filter((name) => typeof name === 'string') : []
  return names
    .filter((name) => name.includes(term.toLowerCase()))
    .map((name) => {
      // The name must be one that can be pulled.
      parseReference(`${domain}/${name}`)
      return resultOf({ name: `${domain}/${name}` })
    })
}

function resultOf(item: Record<string, unknown>): ImageSearchResult {
  return {
    name: String(item['name'] ?? ''),
    description: String(item['description'] ?? ''),
    star_count: Number(item['star_count'] ?? 0),
    is_official: item['is_official'] === true,
    is_automated: item['is_automated'] === true,
  }
}

function accepted(result: ImageSearchResult, filters: Filters): boolean {
  const official = filters['is-official']?.[0]
  const automated = filters['is-automated']?.[0]
  const stars = Number(filters['stars']?.[0] ?? 0)
  return (
    (official === undefined || result.is_official === (official === 'true' || official === '1')) &&
    (automated === undefined || result.is_automated === (automated === 'true' || automated === '1')) &&
    result.star_count >= stars
  )
}
