/** The door for BuildKit's clients: `POST /grpc` and `POST /session`, each a connection that becomes HTTP/2. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ProgressMessage } from '../../../api/images.ts'
import { type ControlParts, controlMethods } from './control.ts'
import { gatewayMethods } from './gateway.ts'
import { serveGrpc } from './grpc-server.ts'
import { buildOverHttp, type HttpBuild } from './http-build.ts'
import { Jobs } from './jobs.ts'
import { Sessions } from './sessions.ts'

export class BuildkitDoor {
  readonly #parts: ControlParts
  readonly #log: (text: string) => void

  constructor(parts: Omit<ControlParts, 'jobs' | 'sessions'>, log: (text: string) => void) {
    this.#parts = { ...parts, jobs: new Jobs(), sessions: new Sessions() }
    this.#log = log
  }

  /** Serves builds on a connection until it ends. */
  grpc(stream: Duplex): Promise<void> {
    const methods = { ...controlMethods(this.#parts), ...gatewayMethods(this.#parts) }
    return serveGrpc(stream, methods, (error, what) =>
      this.#log(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : error}`),
    )
  }

  /** A build whose progress goes back as lines. */
  http(build: HttpBuild, signal: AbortSignal): AsyncIterable<ProgressMessage> {
    return buildOverHttp(this.#parts, build, signal)
  }

  /** Ends a build that goes on; none of that name is fine. */
  cancel(ref: string): void {
    this.#parts.jobs.cancel(ref)
  }

  /** Uses what a client offers until its connection ends. */
  session(stream: Duplex, request: Pick<IncomingMessage, 'headersDistinct'>): Promise<void> {
    return this.#parts.sessions.accept(stream, request)
  }
}
