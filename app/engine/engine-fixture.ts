import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dial } from '../machine/dial.ts'

/** For tests: a folder, a real HTTP server on a unix socket in it, and a dial that leads there. */
export class EngineFixture implements AsyncDisposable {
  readonly server: Server = createServer()
  readonly #folder: string
  dials = 0

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async create(): Promise<EngineFixture> {
    const fixture = new EngineFixture(await mkdtemp(join(tmpdir(), 'sw-')))
    await new Promise<void>((resolve) => fixture.server.listen(fixture.path('engine'), resolve))
    return fixture
  }

  path(name: string): string {
    return join(this.#folder, `${name}.sock`)
  }

  readonly dial: Dial = (_target, options) =>
    new Promise((resolve, reject) => {
      this.dials++
      const socket = connect({ path: this.path('engine'), allowHalfOpen: true })
      socket.once('connect', () => resolve(socket))
      socket.once('error', reject)
      options?.signal?.addEventListener('abort', () => socket.destroy(options.signal?.reason))
    })

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
    await rm(this.#folder, { recursive: true, force: true })
  }
}
