import type { ContainerStats } from '../../vm/api/containers.ts'
import { type CallOptions, type Containers, containerPath } from './containers.ts'
import { decodeFrames } from './frames.ts'
import type { EngineHttp } from './http.ts'
import { jsonLines } from './json-lines.ts'

export interface LogOptions extends CallOptions {
  readonly follow?: boolean
  readonly tail?: number | undefined
  /** Unix seconds. */
  readonly since?: number | undefined
  readonly timestamps?: boolean | undefined
}
export interface LogPart {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Uint8Array
}

/** What a container sends without being asked again: its output and its figures. */
export class ContainerStreams {
  readonly #http: EngineHttp
  readonly #containers: Containers

  constructor(http: EngineHttp, containers: Containers) {
    this.#http = http
    this.#containers = containers
  }

  /** Output so far and, with `follow`, from now on; a container with a TTY has stdout only. */
  async *logs(id: string, options: LogOptions): AsyncGenerator<LogPart, void, undefined> {
    const { follow, tail, since, timestamps, signal } = options
    const { Config } = await this.#containers.inspect(id, { signal })
    const query = { stdout: true, stderr: true, follow, tail: tail ?? 'all', since, timestamps }
    const bytes = this.#http.bytes({ path: containerPath(id, '/logs'), query, signal })
    if (Config.Tty) {
      for await (const data of bytes) yield { stream: 'stdout', data }
      return
    }
    for await (const { stream, data } of decodeFrames(bytes)) {
      yield { stream: stream === 'stderr' ? 'stderr' : 'stdout', data }
    }
  }

  /** About once a second while the container exists. */
  stats(id: string, { signal }: CallOptions = {}): AsyncGenerator<ContainerStats, void, undefined> {
    const path = containerPath(id, '/stats')
    return jsonLines(this.#http.bytes({ path, query: { stream: true }, signal }))
  }

  /** One reading at once, without the one before it. */
  statsOnce(id: string, { signal }: CallOptions = {}): Promise<ContainerStats> {
    const query = { stream: false, 'one-shot': true }
    return this.#http.json({ path: containerPath(id, '/stats'), query, signal })
  }
}
