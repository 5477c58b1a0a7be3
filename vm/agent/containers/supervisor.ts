import { type FSWatcher, watch } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../api/errors.ts'
import type { Exit, Task } from '../runtime/runtime.ts'
import type { Container } from './container.ts'
import { HealthMonitor } from './health.ts'
import { releaseSharedShm } from './ipc.ts'
import { rotateIfLarge, rotationOf } from './log-files.ts'
import { releaseMounts } from './mount-list.ts'
import { emit, type Parts } from './parts.ts'
import type { ContainerRecord } from './record.ts'
import { clearRemains, forgetContainer } from './remove.ts'
import { BackOff, shouldRestart } from './restart-policy.ts'
import { startContainer } from './start.ts'
import { millisOf, rfc3339 } from './timestamps.ts'

const ROTATION_PAUSE = 250
/** Head start of those who wait for an exit over the work that nobody waits for, in milliseconds. */
const HEAD_START = 20

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
      .catch((error) => this.#parts.log(`container ${container.shortId}: exit: ${messageOf(error)}`))
  }

  async #settle(container: Container, task: Task, exit: Exit): Promise<void> {
    if (container.task !== task) return
    this.#stops.get(container.id)?.()
    this.#stops.delete(container.id)
    const restarting = this.#restarts(container, exit)
    await leaveNetworks(this.#parts, container)
    container.task = undefined
    container.change(withoutEndpoints(container.record))
    const ran = exit.exitedAt - millisOf(container.state.last.startedAt)
    container.move({
      type: 'exited',
      exitCode: exit.exitCode,
      oomKilled: exit.oomKilled,
      at: rfc3339(BigInt(Math.round(exit.exitedAt)) * 1_000_000n),
      restarting,
    })
    const goes = autoRemoves(container) && !restarting
    // A container that goes away at once is not worth a write.
    if (!goes) await this.#parts.store.save(container.record)
    if (exit.oomKilled) emit(this.#parts, container, 'oom')
    emit(this.#parts, container, 'die', {
      exitCode: String(exit.exitCode),
      execDuration: String(Math.max(0, Math.floor(ran / 1000))),
    })
    if (restarting) this.#scheduleRestart(container, ran)
    container.announce('exit', { exitCode: exit.exitCode })
    if (goes) {
      await tryAll(this.#parts, container, [
        () => releaseMounts(this.#parts, container),
        () => forgetContainer(this.#parts, container),
      ])
    }
    await sleep(HEAD_START)
    await freeTask(this.#parts, container, task)
    if (container.state.life.status === 'removing') await clearRemains(this.#parts, container)
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

/** Everything that a container held which runs no more, given back; each step is tried whatever the others do. */
export async function release(parts: Parts, container: Container): Promise<void> {
  await leaveNetworks(parts, container)
  await freeTask(parts, container, undefined)
  container.task = undefined
  container.change(withoutEndpoints(container.record))
}

/** Which networks it was in stays known: compose compares their ids before it takes a stopped container again. */
function withoutEndpoints({ networks, endpoints }: ContainerRecord): Partial<ContainerRecord> {
  const kept = Object.entries(networks).map(([name, wish]) => {
    const id = endpoints[name]?.NetworkID
    return [name, id === undefined ? wish : { ...wish, NetworkID: id }] as const
  })
  return { networks: Object.fromEntries(kept), endpoints: {}, ports: [] }
}

/** Before anybody is told of the exit: whoever starts the next container must find address and ports free. */
async function leaveNetworks(parts: Parts, container: Container): Promise<void> {
  await tryAll(parts, container, [
    async () => {
      await parts.networks.unpublish(container.id)
      await parts.networks.detach(container.id)
    },
  ])
}

async function freeTask(parts: Parts, container: Container, task: Task | undefined): Promise<void> {
  await tryAll(parts, container, [
    async () => task?.delete(),
    () => releaseMounts(parts, container),
    () => releaseSharedShm(parts, container),
    () => parts.roots.release(container.id),
    async () => parts.namespaces.remove(container.id),
  ])
}

async function tryAll(
  parts: Parts,
  container: Container,
  steps: readonly (() => Promise<void>)[],
): Promise<void> {
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      parts.log(`container ${container.shortId}: releasing: ${messageOf(error)}`)
    }
  }
}
