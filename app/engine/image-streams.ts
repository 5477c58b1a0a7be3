import type { ProgressMessage, RegistryAuth } from '../../vm/api/images.ts'
import type { CallOptions } from './containers.ts'
import type { EngineHttp, EngineRequest } from './http.ts'
import { imagePath, splitTag } from './images.ts'
import { jsonLines } from './json-lines.ts'
import { registryAuth } from './registry-auth.ts'

export interface BuildOptions extends CallOptions {
  readonly tag?: string | undefined
  readonly dockerfile?: string | undefined
  readonly target?: string | undefined
  readonly buildArgs?: Readonly<Record<string, string>> | undefined
  readonly noCache?: boolean | undefined
  /** Credentials by registry. */
  readonly auths?: Readonly<Record<string, RegistryAuth>> | undefined
}

interface AuthOptions extends CallOptions {
  readonly auth?: RegistryAuth | undefined
}
interface PullOptions extends AuthOptions {
  readonly platform?: string | undefined
}

type Progress = AsyncGenerator<ProgressMessage, void, undefined>

const TAR = { 'content-type': 'application/x-tar' }

/** Images on the move. A failure is the stream's last message (`error`), or thrown when it came before the first. */
export class ImageStreams {
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  /** Leaving the loop cancels the pull. */
  pull(reference: string, { platform, auth, signal }: PullOptions): Progress {
    const { repository, tag } = splitTag(reference)
    const query = {
      fromImage: repository,
      tag: tag ?? (reference.includes('@') ? undefined : 'latest'),
      platform,
    }
    return this.#progress({
      method: 'POST',
      path: '/images/create',
      query,
      headers: registryAuth(auth),
      signal,
    })
  }
  push(reference: string, { auth, signal }: AuthOptions): Progress {
    const { repository, tag } = splitTag(reference)
    const path = imagePath(repository, '/push')
    return this.#progress({ method: 'POST', path, query: { tag }, headers: registryAuth(auth), signal })
  }
  /** docker-archive tar of several images. */
  save(names: readonly string[], { signal }: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const query = names.map((name) => `names=${encodeURIComponent(name)}`).join('&')
    return this.#http.bytes({ path: `/images/get?${query}`, signal })
  }
  load(body: AsyncIterable<Uint8Array>, { signal }: CallOptions): Progress {
    return this.#progress({ method: 'POST', path: '/images/load', headers: TAR, body, signal })
  }
  build(context: AsyncIterable<Uint8Array>, options: BuildOptions): Progress {
    const query = {
      t: options.tag,
      dockerfile: options.dockerfile,
      target: options.target,
      buildargs: options.buildArgs && JSON.stringify(options.buildArgs),
      nocache: options.noCache,
      rm: true,
    }
    const { signal } = options
    const config = Buffer.from(JSON.stringify(options.auths ?? {})).toString('base64url')
    const headers = { ...TAR, 'x-registry-config': config }
    return this.#progress({ method: 'POST', path: '/build', query, headers, body: context, signal })
  }

  #progress(request: EngineRequest): Progress {
    return jsonLines(this.#http.bytes(request))
  }
}
