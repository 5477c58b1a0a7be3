import type { CallOptions } from './containers.ts'
import type { EngineHttp } from './http.ts'

/** Decoded X-Docker-Container-Path-Stat. */
export interface PathStat {
  name: string
  size: number
  /** Go's os.FileMode: the type in the high bits. */
  mode: number
  mtime: string
  linkTarget: string
}

/** Files into and out of containers or volumes, as tar streams. */
export class Archive {
  readonly #http: EngineHttp
  readonly #path: (id: string) => string

  /** `path` is where the archive of one of them is. */
  constructor(http: EngineHttp, path: (id: string) => string) {
    this.#http = http
    this.#path = path
  }

  async stat(id: string, path: string, { signal }: CallOptions = {}): Promise<PathStat> {
    const response = await this.#http.open({
      method: 'HEAD',
      path: this.#path(id),
      query: { path },
      signal,
    })
    response.resume()
    const header = response.headers['x-docker-container-path-stat']
    return JSON.parse(Buffer.from(String(header), 'base64').toString('utf8')) as PathStat
  }

  /** tar of a file or folder. */
  get(id: string, path: string, { signal }: CallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#http.bytes({ path: this.#path(id), query: { path }, signal })
  }

  /** Unpacks a tar into a folder; resolves when it is all there. */
  put(
    id: string,
    path: string,
    body: AsyncIterable<Uint8Array>,
    { signal }: CallOptions = {},
  ): Promise<void> {
    const headers = { 'content-type': 'application/x-tar' }
    return this.#http.run({
      method: 'PUT',
      path: this.#path(id),
      query: { path },
      headers,
      body,
      signal,
    })
  }
}
