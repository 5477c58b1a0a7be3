import { Duplex } from 'node:stream'
import type { ContainerConfig, HostConfig } from '../../api/containers.ts'
import type { BuildContainers } from '../build/backend.ts'
import { attach } from './attach.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Parts } from './parts.ts'

/** Containers as the builder uses them for its RUN steps. */
export class BuilderContainers implements BuildContainers {
  readonly #parts: Parts
  readonly #lifecycle: Lifecycle

  constructor(parts: Parts, lifecycle: Lifecycle) {
    this.#parts = parts
    this.#lifecycle = lifecycle
  }

  create(request: ContainerConfig & { HostConfig?: HostConfig }): Promise<{ Id: string }> {
    return this.#lifecycle.create(request)
  }

  async run(
    id: string,
    options: { onOutput: (chunk: Uint8Array) => void; signal?: AbortSignal },
  ): Promise<number> {
    const container = this.#parts.table.get(id)
    const ended = container.next('exit', options.signal)
    ended.catch(() => undefined)
    const sink = unframing(options.onOutput)
    const wish = {
      stdin: false,
      stdout: true,
      stderr: true,
      logs: false,
      stream: true,
      detachKeys: [],
      from: -1,
    }
    const output = attach(this.#parts, container, wish, sink)
    try {
      await this.#lifecycle.start(id)
      const { exitCode } = await ended
      await output
      return exitCode
    } catch (error) {
      sink.destroy()
      if (container.running) await this.#lifecycle.kill(id, 'KILL')
      throw error
    }
  }

  async snapshotOf(id: string): Promise<string> {
    return this.#parts.table.get(id).id
  }

  async remove(id: string): Promise<void> {
    if (!this.#parts.table.find(id)) return
    await this.#lifecycle.remove(id, { force: true, volumes: true })
  }

  async removeLabelled(label: string): Promise<void> {
    const found = this.#parts.table.all().filter(({ record }) => record.config.Labels?.[label] !== undefined)
    for (const { id } of found) await this.remove(id)
  }
}

/** Takes what a client of the multiplexed stream would and hands over the payloads. */
function unframing(onOutput: (chunk: Uint8Array) => void): Duplex {
  let rest: Buffer = Buffer.alloc(0)
  return new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(4)) {
        const end = 8 + rest.readUInt32BE(4)
        onOutput(rest.subarray(8, end))
        rest = rest.subarray(end)
      }
      done()
    },
  })
}
