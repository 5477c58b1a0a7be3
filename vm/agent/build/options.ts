/** What a build is asked for, parsed: by `POST /build` or by a BuildKit client. */
import type { Ulimit } from '../../api/containers.ts'
import type { RegistryAuth } from '../../api/images.ts'
import type { ContextFiles } from './sources.ts'

export interface BuildOptions {
  /** Path of the Dockerfile in the context; empty: `Dockerfile`. */
  dockerfile: string
  tags: string[]
  buildArgs: Record<string, string | null>
  labels: Record<string, string>
  target: string
  noCache: boolean
  /** Names of stages that are not taken from the cache. */
  noCacheStages: string[]
  /**
   * By BuildKit's rules: stages that the target is not made of are left out, what steps make is no image to the user
   * until the whole is done, and the history is in BuildKit's words.
   */
  buildkit: boolean
  pull: boolean
  platform: string | undefined
  /** Remove the containers of RUN steps: after success (`rm`), always (`forceRemove`). */
  remove: boolean
  forceRemove: boolean
  quiet: boolean
  networkMode: string | undefined
  memory: number
  memorySwap: number
  cpuShares: number
  cpuPeriod: number
  cpuQuota: number
  cpusetCpus: string
  shmSize: number
  extraHosts: string[]
  ulimits: Ulimit[]
  /** Credentials of a registry (`docker.io`), where the client has some. */
  auth: (registry: string) => Promise<RegistryAuth | undefined>
  /** The bytes of `--secret`; undefined: there is none of that name. */
  secret: (id: string) => Promise<Uint8Array | undefined>
  /** Path of a socket of the client's ssh agent until it is let go; undefined: there is none of that name. */
  ssh: (id: string) => Promise<(AsyncDisposable & { path: string }) | undefined>
  /** Further contexts by name: folders, and images that stand for others. */
  fileContexts: ReadonlyMap<string, ContextFiles>
  imageContexts: ReadonlyMap<string, string>
}

/** What a client asks for that says nothing. */
export const PLAIN_OPTIONS: BuildOptions = {
  dockerfile: '',
  tags: [],
  buildArgs: {},
  labels: {},
  target: '',
  noCache: false,
  noCacheStages: [],
  buildkit: false,
  pull: false,
  platform: undefined,
  remove: true,
  forceRemove: false,
  quiet: false,
  networkMode: undefined,
  memory: 0,
  memorySwap: 0,
  cpuShares: 0,
  cpuPeriod: 0,
  cpuQuota: 0,
  cpusetCpus: '',
  shmSize: 0,
  extraHosts: [],
  ulimits: [],
  auth: async () => undefined,
  secret: async () => undefined,
  ssh: async () => undefined,
  fileContexts: new Map(),
  imageContexts: new Map(),
}
