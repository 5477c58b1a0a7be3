import type { ExecCreateRequest, ExecInspect } from '../../vm/api/containers.ts'
import { type CallOptions, containerPath } from './containers.ts'
import type { EngineHttp, Hijacked } from './http.ts'

export interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

/** Connections to processes: a new one (exec) or the container's own (attach). */
export class Terminals {
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  async execCreate(id: string, body: ExecCreateRequest, { signal }: CallOptions = {}): Promise<string> {
    const path = containerPath(id, '/exec')
    const { Id } = await this.#http.json<{ Id: string }>({ path, json: body, signal })
    return Id
  }
  execStart(
    execId: string,
    { tty, size, signal }: { tty: boolean; size?: TerminalSize } & CallOptions,
  ): Promise<Hijacked> {
    const json = { Detach: false, Tty: tty, ...(size ? { ConsoleSize: [size.rows, size.columns] } : {}) }
    return this.#http.hijack({ path: `/exec/${execId}/start`, json, signal })
  }
  execInspect(execId: string, { signal }: CallOptions = {}): Promise<ExecInspect> {
    return this.#http.json({ path: `/exec/${execId}/json`, signal })
  }
  execResize(execId: string, size: TerminalSize, { signal }: CallOptions = {}): Promise<void> {
    const query = { h: size.rows, w: size.columns }
    return this.#http.run({ method: 'POST', path: `/exec/${execId}/resize`, query, signal })
  }
  attach(id: string, { signal }: CallOptions = {}): Promise<Hijacked> {
    const query = { stream: true, stdin: true, stdout: true, stderr: true, logs: true }
    return this.#http.hijack({ path: containerPath(id, '/attach'), query, signal })
  }
  resize(id: string, size: TerminalSize, { signal }: CallOptions = {}): Promise<void> {
    const query = { h: size.rows, w: size.columns }
    return this.#http.run({ method: 'POST', path: containerPath(id, '/resize'), query, signal })
  }
}
