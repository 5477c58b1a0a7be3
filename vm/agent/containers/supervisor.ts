import { type FSWatcher, watch } from 'node:fs'
import { messageOf } from '../../api/errors.ts'
import type { Exit, Task } from '../runtime/runtime.ts'
import type { Container } from './container.ts'
import { HealthMonitor } from './health.ts'
import { releaseSharedShm } from './ipc.ts'
import { rotateIfLarge, rotationOf } from './log-files.ts'
import { releaseMounts } from './mount-list.ts'
import { emit, type Parts } from './parts.ts'
import { removeContainer } from './remove.ts'
import { BackOff, shouldRestart } from './restart-policy.ts'
import { startContainer } from './start.ts'
import { millisOf, rfc3339 } from './timestamps.ts'

const ROTATION_PAUSE = 250

/** Watches running containers: their exit, their health, the size of their logs; and acts on restart policies. */
export class Supervisor implements AsyncDisposable {
  readonly #parts: Parts
  readonly #backOffs = new Map<string, BackOff>()
  readonly #stops = new Map<string, () => void>()
  #closing = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  start(container: Container): Promise<void> {
    container.cancelRestart?.()
    return startContainer(this.#parts, container, (c, task) => this.watch(c, task))
  }

  /** Also for tasks that a former agent started. */
  watch(container: Container, task: Task): void {
    const health = HealthMonitor.for(this.#parts, container, task)
    const rotation = this.#watchLog(container, task)
    this.#stops.set(container.id, () => {
      health?.stop()
      rotation?.close()
    })
    task.wait().then(
      (exit) => this.#onExit(container, task, exit),
      (error) =>
        this.#parts.log(`container ${container.shortId}: waiting for its exit failed: ${messageOf(error)}`),
    )
  }

  /** No more restarts: the machine shuts down. */
  close(): void {
    this.#closing = true
    for (const container of this.#parts.table.all()) container.cancelRestart?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    for (const stop of this.#stops.values()) stop()
    this.#stops.clear()
  }

  #onExit(container: Container, task: Task, exit: Exit): Promise<void> {
    return container.lock
      .run(() => this.#settle(container, task, exit))
      .then(() => this.#afterExit(container))
      .catch((error) => this.#parts.log(`container ${container.shortId}: exit: ${messageOf(error)}`))
  }

  async #settle(container: Container, task: Task, exit: Exit): Promise<void> {
    if (container.task !== task) return
    this.#stops.get(container.id)?.()
    this.#stops.delete(container.id)
    const restarting = this.#restarts(container, exit)
    await release(this.#parts, container, task)
    const ran = exit.exitedAt - millisOf(container.state.last.startedAt)
    container.move({
      type: 'exited',
      exitCode: exit.exitCode,
      oomKilled: exit.oomKilled,
      at: rfc3339(BigInt(Math.round(exit.exitedAt)) * 1_000_000n),
      restarting,
    })
    // A container that goes away at once is not worth a write.
    if (!autoRemoves(container)) await this.#parts.store.save(container.record)
    if (exit.oomKilled) emit(this.#parts, container, 'oom')
    emit(this.#parts, container, 'die', {
      exitCode: String(exit.exitCode),
      execDuration: String(Math.max(0, Math.floor(ran / 1000))),
    })
    if (restarting) this.#scheduleRestart(container, ran)
    container.announce('exit', { exitCode: exit.exitCode })
  }

  #restarts(container: Container, exit: Exit): boolean {
    if (this.#closing || container.stopRequested) return false
    return shouldRestart(
      container.record.hostConfig.RestartPolicy,
      exit.exitCode,
      container.record.restartCount,
    )
  }

  #scheduleRestart(container: Container, ran: number): void {
    const backOff = this.#backOffs.get(container.id) ?? new BackOff()
    this.#backOffs.set(container.id, backOff)
    const timer = setTimeout(() => {
      container.cancelRestart = undefined
      container.change({ restartCount: container.record.restartCount + 1 })
      this.start(container).catch((error) => {
        this.#parts.log(`container ${container.shortId}: restart failed: ${messageOf(error)}`)
      })
    }, backOff.next(ran))
    container.cancelRestart = () => {
      clearTimeout(timer)
      container.cancelRestart = undefined
    }
  }

  async #afterExit(container: Container): Promise<void> {
    if (!autoRemoves(container) || container.running || container.state.life.status === 'restarting') return
    await removeContainer(this.#parts, container, { volumes: true })
  }

  #watchLog(container: Container, task: Task): FSWatcher | undefined {
    const limits = rotationOf(container.record)
    if (!limits) return undefined
    const directory = this.#parts.store.directory(container.id)
    let pending = false
    const check = async () => {
      pending = false
      if (container.task === task && (await rotateIfLarge(directory, limits))) await task.reopenLog()
    }
    return watch(directory, () => {
      if (pending) return
      pending = true
      setTimeout(() => {
        check().catch((error) =>
          this.#parts.log(`container ${container.shortId}: log rotation: ${messageOf(error)}`),
        )
      }, ROTATION_PAUSE)
    })
  }
}

function autoRemoves(container: Container): boolean {
  return container.record.hostConfig.AutoRemove === true && !container.keepOnExit
}

/** Everything that a running container holds, given back; each step is tried whatever the others do. */
export async function release(parts: Parts, container: Container, task: Task | undefined): Promise<void> {
  const steps = [
    (async () => {
      await parts.networks.unpublish(container.id)
      await parts.networks.detach(container.id)
    })(),
    (async () => {
      await task?.delete()
      await releaseMounts(parts, container)
      await releaseSharedShm(parts, container)
      await parts.roots.release(container.id)
    })(),
  ]
  for (const result of await Promise.allSettled(steps)) {
    if (result.status === 'rejected') {
      parts.log(`container ${container.shortId}: releasing: ${messageOf(result.reason)}`)
    }
  }
  container.task = undefined
  container.change({ endpoints: {}, ports: [] })
}
