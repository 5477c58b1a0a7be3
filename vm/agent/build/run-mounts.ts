/** The mounts of a RUN, made for the time of its container. */
import { chmod, chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MountSpec } from '../../api/containers.ts'
import { Disposal } from '../../api/disposal.ts'
import { EngineError } from '../../api/errors.ts'
import type { BuildKernel } from './backend.ts'
import type { CacheMounts } from './cache-mounts.ts'
import { copySources, hashSources } from './copy.ts'
import { resolveInRoot } from './root-path.ts'
import type { RootFilesystems } from './rootfs.ts'
import type { RunMount } from './run-flags.ts'
import type { ScratchFiles } from './scratch.ts'
import { type FileSource, holding, reading } from './sources.ts'

export interface MountParts {
  rootfs: RootFilesystems
  kernel: BuildKernel
  caches: CacheMounts
  scratch: ScratchFiles
}

export interface MountRequest {
  mounts: readonly RunMount[]
  source: (from: string | undefined) => Promise<FileSource>
  /** The bytes of a secret; undefined: the client has none of that name. */
  secret: (id: string) => Promise<Uint8Array | undefined>
  /** Path of a socket of the client's ssh agent until it is let go; undefined: none was given. */
  ssh: (id: string) => Promise<(AsyncDisposable & { path: string }) | undefined>
  signal?: AbortSignal
}

export interface PreparedMounts extends AsyncDisposable {
  specs: MountSpec[]
  env: string[]
}

/** What of the mounts can change a step's result, for its cache key: caches and secrets cannot. */
export async function mountKey(parts: MountParts, request: MountRequest): Promise<unknown[]> {
  const binds = request.mounts.filter(({ type }) => type === 'bind')
  return Promise.all(
    binds.map(async (mount) => {
      const source = await request.source(mount.from)
      if ('image' in source) return source.image?.id
      return reading(source, parts.rootfs, (root) => hashSources([{ root, path: mount.source, name: '' }]))
    }),
  )
}

/** Makes them; what is here goes with the answer. */
export async function prepareMounts(parts: MountParts, request: MountRequest): Promise<PreparedMounts> {
  const owned = new Disposal()
  const specs: MountSpec[] = []
  const env: string[] = []
  try {
    for (const mount of request.mounts) {
      const made = await make(parts, request, mount, owned)
      if (made.spec) specs.push(made.spec)
      if (made.env) env.push(made.env)
    }
  } catch (error) {
    await owned[Symbol.asyncDispose]()
    throw error
  }
  return { specs, env, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() }
}

interface Made {
  spec?: MountSpec
  env?: string
}

async function make(
  parts: MountParts,
  request: MountRequest,
  mount: RunMount,
  owned: Disposal,
): Promise<Made> {
  const { target: Target = '' } = mount
  switch (mount.type) {
    case 'tmpfs':
      return {
        spec: { Type: 'tmpfs', Target, ...(mount.size ? { TmpfsOptions: { SizeBytes: mount.size } } : {}) },
      }
    case 'bind': {
      const held = owned.use(await holding(await request.source(mount.from), parts.rootfs))
      const below = await resolveInRoot(held.path, mount.source)
      const Source = mount.readOnly ? below : owned.use(await parts.rootfs.holdWritable(below)).path
      return { spec: { Type: 'bind', Source, Target, ReadOnly: mount.readOnly } }
    }
    case 'cache': {
      const Source = await cacheDirectory(parts, request, mount, owned)
      return { spec: { Type: 'bind', Source, Target, ReadOnly: mount.readOnly } }
    }
    case 'secret':
      return secret(parts, request, mount, owned)
    case 'ssh':
      return agent(request, mount, owned)
  }
}

async function cacheDirectory(
  parts: MountParts,
  request: MountRequest,
  mount: RunMount,
  owned: Disposal,
): Promise<string> {
  const { signal } = request
  const id = `${mount.id ?? mount.target}\0${mount.from ?? ''}\0${mount.source}`
  const cache = await parts.caches.take(id, mount.sharing, signal ? { signal } : {})
  owned.use({ [Symbol.asyncDispose]: async () => cache[Symbol.dispose]() })
  if (!cache.fresh) return cache.path
  const { uid, gid } = mount
  if (mount.from !== undefined) {
    const source = await request.source(mount.from)
    await reading(source, parts.rootfs, (root) =>
      copySources([{ root, path: mount.source, name: '' }], cache.path, '/', parts.kernel, {
        uid,
        gid,
        mode: undefined,
        extract: false,
      }),
    )
  }
  await chown(cache.path, uid, gid)
  await chmod(cache.path, mount.mode ?? 0o755)
  return cache.path
}

async function secret(
  parts: MountParts,
  request: MountRequest,
  mount: RunMount,
  owned: Disposal,
): Promise<Made> {
  const id = mount.id ?? ''
  const value = await request.secret(id)
  if (value === undefined) {
    if (!mount.required) return {}
    throw new EngineError('not_found', `secret ${id}: not found`)
  }
  const made: Made = mount.env === undefined ? {} : { env: `${mount.env}=${Buffer.from(value).toString()}` }
  if (mount.target === undefined) return made
  const folder = owned.use(await parts.scratch.folder())
  const Source = join(folder.path, 'secret')
  await writeFile(Source, value, { mode: mount.mode ?? 0o400 })
  await chown(Source, mount.uid, mount.gid)
  return { ...made, spec: { Type: 'bind', Source, Target: mount.target, ReadOnly: true } }
}

async function agent(request: MountRequest, mount: RunMount, owned: Disposal): Promise<Made> {
  const socket = await request.ssh(mount.id ?? 'default')
  if (!socket) {
    if (!mount.required) return {}
    throw new EngineError('invalid_argument', `unset ssh forward key ${mount.id}`)
  }
  owned.use(socket)
  await chmod(socket.path, mount.mode ?? 0o600)
  await chown(socket.path, mount.uid, mount.gid)
  const Target = mount.target ?? `/run/buildkit/ssh_agent.${mount.id}`
  return { env: `SSH_AUTH_SOCK=${Target}`, spec: { Type: 'bind', Source: socket.path, Target } }
}
