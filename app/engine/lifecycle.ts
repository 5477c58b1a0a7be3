import { EngineError } from '../../vm/api/errors.ts'
import { type CallOptions, containerPath } from './containers.ts'
import type { EngineHttp, Query } from './http.ts'

/** Running containers. What is so already (304) is a success. */
export class Lifecycle {
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  start(id: string, options: CallOptions = {}): Promise<void> {
    return this.#post(id, 'start', {}, options)
  }
  /** `timeout` in seconds before SIGKILL; the container's own when absent. */
  stop(id: string, { timeout, signal }: { timeout?: number | undefined } & CallOptions = {}): Promise<void> {
    return this.#post(id, 'stop', { t: timeout }, { signal })
  }
  restart(
    id: string,
    { timeout, signal }: { timeout?: number | undefined } & CallOptions = {},
  ): Promise<void> {
    return this.#post(id, 'restart', { t: timeout }, { signal })
  }
  kill(id: string, killSignal?: string, options: CallOptions = {}): Promise<void> {
    return this.#post(id, 'kill', { signal: killSignal }, options)
  }
  pause(id: string, options: CallOptions = {}): Promise<void> {
    return this.#post(id, 'pause', {}, options)
  }
  unpause(id: string, options: CallOptions = {}): Promise<void> {
    return this.#post(id, 'unpause', {}, options)
  }
  rename(id: string, name: string, options: CallOptions = {}): Promise<void> {
    return this.#post(id, 'rename', { name }, options)
  }
  update(
    id: string,
    body: Record<string, unknown>,
    { signal }: CallOptions = {},
  ): Promise<{ Warnings: string[] | null }> {
    return this.#http.json({ path: containerPath(id, '/update'), json: body, signal })
  }

  async #post(id: string, verb: string, query: Query, { signal }: CallOptions): Promise<void> {
    try {
      await this.#http.run({ method: 'POST', path: containerPath(id, `/${verb}`), query, signal })
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === 'not_modified')) throw error
    }
  }
}
