/** What a build stage knows while its instructions are carried out. */
import type { ContainerConfig } from '../../api/containers.ts'
import type { Digest } from '../content/store.ts'
import type { ResolvedImage } from '../images/images.ts'

/** Docker lets these be given without an ARG. */
const PREDEFINED = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
])
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export class StageState {
  /** The image so far; undefined: `FROM scratch` with nothing done yet. */
  image: ResolvedImage | undefined
  config: ContainerConfig
  author = ''
  /** Set once CMD came: an inherited one goes when ENTRYPOINT is set. */
  commandSet = false
  /** ARGs in force: name → value, undefined where neither a default nor --build-arg gave one. */
  readonly args = new Map<string, string | undefined>()
  readonly #buildArgs: Record<string, string | null>

  constructor(image: ResolvedImage | undefined, buildArgs: Record<string, string | null>) {
    this.image = image
    this.config = { ...image?.config.config, Image: image?.id ?? '' }
    this.#buildArgs = buildArgs
    if (!this.config.Env?.length) this.config = { ...this.config, Env: [DEFAULT_PATH] }
  }

  get imageId(): Digest | undefined {
    return this.image?.id
  }

  /** What `$NAME` means: the environment over the build arguments. */
  get variables(): Map<string, string> {
    const variables = new Map<string, string>()
    for (const [name, value] of this.args) if (value !== undefined) variables.set(name, value)
    for (const [name, value] of pairs(this.config.Env ?? [])) variables.set(name, value)
    return variables
  }

  /** `NAME=value` of build arguments that a RUN sees and that its cache key holds. */
  get runArgs(): string[] {
    const env = new Set([...pairs(this.config.Env ?? [])].map(([name]) => name))
    const list: string[] = []
    for (const [name, value] of this.args)
      if (value !== undefined && !env.has(name)) list.push(`${name}=${value}`)
    return list.sort()
  }

  /** Proxies and the like: seen by RUN, but no part of the cache key. */
  get predefinedArgs(): string[] {
    return Object.entries(this.#buildArgs).flatMap(([name, value]) =>
      PREDEFINED.includes(name) && value !== null && !this.args.has(name) ? [`${name}=${value}`] : [],
    )
  }
}

/** Build arguments that nobody asked for. */
export function unconsumed(buildArgs: Record<string, string | null>, used: ReadonlySet<string>): string[] {
  return Object.keys(buildArgs).filter((name) => !used.has(name) && !PREDEFINED.includes(name))
}

function* pairs(env: readonly string[]): Iterable<[string, string]> {
  for (const entry of env) {
    const equals = entry.indexOf('=')
    yield equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)]
  }
}
