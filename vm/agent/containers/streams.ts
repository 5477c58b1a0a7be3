import type { Duplex } from 'node:stream'
import type { ContainerStats, TopResponse } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import { type AttachOptions, attach, attachPoint, checkAttachable } from './attach.ts'
import type { Container } from './container.ts'
import { containerLogs, type LogOptions } from './logs.ts'
import { emit, type Parts } from './parts.ts'
import { containerStats } from './stats.ts'

/** What flows out of and into containers: attach, logs, stats, processes, terminal size. */
export class Streams {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  isTty(reference: string): boolean {
    return this.#parts.table.get(reference).record.config.Tty ?? false
  }

  /** Checks first; the returned function couples the connection, to be called once it was taken over. */
  async attach(reference: string, options: AttachOptions): Promise<(client: Duplex) => Promise<void>> {
    const container = this.#parts.table.get(reference)
    checkAttachable(container)
    const from = await attachPoint(this.#parts, container)
    return (client) => attach(this.#parts, container, { ...options, from }, client)
  }

  logs(reference: string, options: LogOptions): AsyncIterable<Buffer> {
    return containerLogs(this.#parts, this.#parts.table.get(reference), options)
  }

  stats(
    reference: string,
    options: { stream: boolean; oneShot: boolean; signal: AbortSignal },
  ): AsyncIterable<ContainerStats> {
    return containerStats(this.#parts, this.#parts.table.get(reference), options)
  }

  async top(reference: string, args: string): Promise<TopResponse> {
    const container = this.#parts.table.get(reference)
    const { containerTop } = await import('./top.ts')
    const result = await containerTop(container, this.#parts.roots.path(container.id), args)
    emit(this.#parts, container, 'top')
    return result
  }

  async resize(reference: string, size: { rows: number; columns: number }): Promise<void> {
    const container = this.#parts.table.get(reference)
    const task = runningTask(container)
    await task.resize(size)
    emit(this.#parts, container, 'resize', { height: String(size.rows), width: String(size.columns) })
  }
}

function runningTask(container: Container) {
  if (!container.running || !container.task) {
    throw new EngineError('conflict', `container ${container.id} is not running`)
  }
  return container.task
}
