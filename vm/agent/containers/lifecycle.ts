import type {
  ContainerCreateRequest,
  ContainersPruneResponse,
  Resources,
  RestartPolicy,
  WaitResponse,
} from '../../api/containers.ts'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import type { Task } from '../runtime/runtime.ts'
import { directorySize } from '../volumes/directory-size.ts'
import type { Container } from './container.ts'
import { createContainer } from './create.ts'
import { ignoresSignal } from './deaf.ts'
import { checkPruneFilters, matchesPrune } from './list-filters.ts'
import { checkName } from './names.ts'
import { emit, type Parts } from './parts.ts'
import { removeContainer } from './remove.ts'
import { parseSignal } from './signals.ts'
import { monitorOf } from './start.ts'
import type { Supervisor } from './supervisor.ts'
import { updateContainer } from './update.ts'

const DEFAULT_GRACE = 10
/** How long a killed process may take to be gone before the caller is told. */
const KILL_DEADLINE = 30_000

/** The verbs that change a container. */
export class Lifecycle {
  readonly #parts: Parts
  readonly #supervisor: Supervisor

  constructor(parts: Parts, supervisor: Supervisor) {
    this.#parts = parts
    this.#supervisor = supervisor
  }

  async create(
    request: ContainerCreateRequest,
    wanted: { name?: string | undefined; platform?: string } = {},
  ): Promise<{ Id: string; Warnings: string[] }> {
    const answer = await createContainer(this.#parts, request, wanted)
    // `docker run` and its like come back with the start in a moment; the answer goes first.
    setImmediate(() => {
      const container = this.#parts.table.find(answer.Id)
      if (container && !container.running) this.#parts.runtime.prepare(monitorOf(this.#parts, container))
    })
    return answer
  }

  async start(reference: string): Promise<void> {
    const container = this.#parts.table.get(reference)
    try {
      await this.#supervisor.start(container)
    } catch (error) {
      const failed = !container.running && !(error instanceof EngineError && error.kind === 'not_modified')
      if (failed && container.record.hostConfig.AutoRemove) {
        await removeContainer(this.#parts, container, { volumes: true })
      }
      throw error
    }
  }

  /** Stop signal, then SIGKILL after the grace time in seconds (-1: never). Not running is not_modified. */
  async stop(reference: string, options: { timeout?: number; signal?: string } = {}): Promise<void> {
    const container = this.#parts.table.get(reference)
    if (container.running) checkStopSignal(`cannot stop container: ${reference}`, options.signal)
    if (await this.#callOffRestart(container)) return
    if (!container.running) throw new EngineError('not_modified', 'Container already stopped')
    await this.#stop(container, options)
    container.change({ stoppedByHand: true })
    if (this.#parts.table.find(container.id)) await this.#parts.store.save(container.record)
    emit(this.#parts, container, 'stop')
  }

  async restart(reference: string, options: { timeout?: number; signal?: string } = {}): Promise<void> {
    const container = this.#parts.table.get(reference)
    if (container.running) checkStopSignal(`Cannot restart container ${reference}`, options.signal)
    await this.#callOffRestart(container)
    if (container.running) {
      container.keepOnExit = true
      try {
        await this.#stop(container, options)
      } finally {
        container.keepOnExit = false
      }
      emit(this.#parts, container, 'stop')
    }
    await this.#supervisor.start(container)
    emit(this.#parts, container, 'restart')
  }

  async kill(reference: string, signalText: string | undefined): Promise<void> {
    const subject = `cannot kill container: ${reference}`
    const signal = wrapped(subject, () => parseSignal(signalText || 'KILL'))
    const container = wrapped(subject, () => this.#parts.table.get(reference))
    if (container.state.life.status === 'restarting') {
      await this.#callOffRestart(container)
      return
    }
    const { task } = container
    if (!task || !container.running) {
      throw new EngineError('conflict', `${subject}: container ${container.id} is not running`)
    }
    // As dockerd has it, every signal ends restarts and a pause where the image names no stop signal.
    const { StopSignal: stopSignal } = container.record.config
    const ends = signal === 9 || !stopSignal || signal === parseSignal(stopSignal)
    if (ends) {
      container.stopRequested = true
      container.change({ stoppedByHand: true })
    }
    const gone = container.next('exit')
    await this.#signal(container, signal, { thaw: ends })
    emit(this.#parts, container, 'kill', { signal: String(signal) })
    if (signal === 9)
      await within(
        gone,
        KILL_DEADLINE,
        `${subject}: tried to kill container, but did not receive an exit event`,
      )
  }

  pause(reference: string): Promise<void> {
    const container = this.#parts.table.get(reference)
    return container.lock.run(async () => {
      const { status } = container.state.life
      if (status === 'paused')
        throw new EngineError('conflict', `Container ${container.id} is already paused`)
      if (status !== 'running' || !container.task) {
        throw new EngineError('conflict', `container ${container.id} is not running`)
      }
      await container.task.pause()
      container.move({ type: 'paused' })
      await this.#parts.store.save(container.record)
      emit(this.#parts, container, 'pause')
    })
  }

  unpause(reference: string): Promise<void> {
    const container = this.#parts.table.get(reference)
    return container.lock.run(async () => {
      if (container.state.life.status !== 'paused' || !container.task) {
        throw new EngineError('conflict', `Container ${container.id} is not paused`, {
          details: { status: 500 },
        })
      }
      await container.task.resume()
      container.move({ type: 'resumed' })
      await this.#parts.store.save(container.record)
      emit(this.#parts, container, 'unpause')
    })
  }

  rename(reference: string, newName: string): Promise<void> {
    if (newName === '') throw new EngineError('invalid_argument', 'Neither old nor new names may be empty')
    const container = this.#parts.table.get(reference)
    const name = wrapped('Error when allocating new name', () => checkName(`/${newName.replace(/^\//, '')}`))
    return container.lock.run(async () => {
      const oldName = container.name
      if (name === oldName) {
        throw new EngineError(
          'invalid_argument',
          'Renaming a container with the same name as its current name',
        )
      }
      const giveBack = wrapped('Error when allocating new name', () =>
        this.#parts.table.reserve(name, container.id),
      )
      try {
        container.change({ name })
        await this.#parts.store.save(container.record)
        if (container.running) await this.#parts.networks.rename(container.id, name)
      } catch (error) {
        container.change({ name: oldName })
        giveBack()
        throw error
      }
      this.#parts.table.rename(container, oldName)
      emit(this.#parts, container, 'rename', { oldName: `/${oldName}` })
    })
  }

  async remove(
    reference: string,
    options: { force?: boolean; volumes?: boolean; link?: boolean },
  ): Promise<void> {
    const container = this.#parts.table.get(reference)
    if (options.link) throw new EngineError('invalid_argument', 'link: removing links is not supported')
    await this.#callOffRestart(container, options.force ?? false)
    // A start that is under way comes first; what it started is killed.
    if (options.force) await container.lock.run(() => Promise.resolve())
    if (container.running) {
      if (!options.force) throw this.#runningError(container)
      container.stopRequested = true
      const gone = container.next('exit')
      await this.#signal(container, 9)
      emit(this.#parts, container, 'kill', { signal: '9' })
      await within(
        gone,
        KILL_DEADLINE,
        `cannot remove container "${container.name}": could not kill container`,
      )
    }
    await removeContainer(this.#parts, container, { volumes: options.volumes ?? false })
  }

  /** Changes limits and restart policy, of a running container at once. */
  update(
    reference: string,
    change: Resources & { RestartPolicy?: RestartPolicy },
  ): Promise<{ Warnings: string[] | null }> {
    const container = this.#parts.table.get(reference)
    return container.lock.run(() => updateContainer(this.#parts, container, change))
  }

  /** Looks the container up at once, so that a wrong name is known before the wait. */
  wait(reference: string, condition: string, signal: AbortSignal): Promise<WaitResponse> {
    if (!['', 'not-running', 'next-exit', 'removed'].includes(condition)) {
      throw new EngineError('invalid_argument', `invalid condition: "${condition}"`)
    }
    const container = this.#parts.table.get(reference)
    const rests = !container.running && container.state.life.status !== 'restarting'
    if (condition !== 'next-exit' && condition !== 'removed' && rests) {
      return Promise.resolve(waitResponse(container.state.last.exitCode, container.state.last.error))
    }
    return container
      .next(condition === 'removed' ? 'removed' : 'exit', signal)
      .then((result) => waitResponse(result.exitCode, result.error ?? ''))
  }

  async prune(filters: Record<string, string[]>): Promise<ContainersPruneResponse> {
    checkPruneFilters(filters)
    const deleted: string[] = []
    let reclaimed = 0
    for (const container of this.#parts.table.all()) {
      const { status } = container.state.life
      if (status !== 'created' && status !== 'exited' && status !== 'dead') continue
      if (!matchesPrune(container, filters)) continue
      const size = await directorySize(await this.#parts.snapshots.upperDir(container.id))
      await removeContainer(this.#parts, container, { volumes: false })
      deleted.push(container.id)
      reclaimed += size
    }
    this.#parts.events.publish('container', 'prune', '', { reclaimed: String(reclaimed) })
    return { ContainersDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed: reclaimed }
  }

  /**
   * Every running container with its own grace time, at once; nothing restarts any more. Who cannot hear the stop
   * signal is not waited for.
   */
  async shutdown(grace: number): Promise<void> {
    this.#supervisor.close()
    const running = this.#parts.table.all().filter((container) => container.running)
    await Promise.allSettled(
      running.map(async (container) => {
        const { StopTimeout, StopSignal } = container.record.config
        const deaf = await ignoresSignal(container.task?.pid ?? 0, parseSignal(StopSignal || 'TERM'))
        const timeout = deaf ? 0 : Math.min(StopTimeout ?? DEFAULT_GRACE, grace)
        await this.#stop(container, { timeout }, false)
      }),
    )
  }

  async #stop(
    container: Container,
    options: { timeout?: number; signal?: string },
    requested = true,
  ): Promise<void> {
    if (requested) container.stopRequested = true
    const { config } = container.record
    const seconds = options.timeout ?? config.StopTimeout ?? DEFAULT_GRACE
    const gone = container.next('exit')
    const stopSignal = parseSignal(options.signal || config.StopSignal || 'TERM')
    await this.#signal(container, stopSignal)
    emit(this.#parts, container, 'kill', { signal: String(stopSignal) })
    const over = new AbortController()
    const timeUp = sleepUntil(seconds < 0 ? undefined : seconds * 1000, over.signal)
    const ended = await Promise.race([gone.then(() => true as const), timeUp])
    over.abort()
    if (ended) return
    await this.#signal(container, 9)
    emit(this.#parts, container, 'kill', { signal: '9' })
    await within(
      gone,
      KILL_DEADLINE,
      `cannot stop container: ${container.name}: tried to kill container, but did not receive an exit event`,
    )
  }

  /** Also thaws a paused container, which otherwise would not see the signal. Gone meanwhile is fine. */
  async #signal(container: Container, signal: number, { thaw = true } = {}): Promise<void> {
    const { task } = container
    if (!task) return
    try {
      await task.kill(signal, signal === 9 ? { all: true } : {})
      if (thaw && container.state.life.status === 'paused') await this.#thaw(container, task)
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === 'not_found')) throw error
    }
  }

  /** It goes on, and says so; the next signal finds it running. */
  async #thaw(container: Container, task: Task): Promise<void> {
    await task.resume()
    if (container.task !== task || container.state.life.status !== 'paused') return
    container.move({ type: 'resumed' })
    await this.#parts.store.save(container.record)
    emit(this.#parts, container, 'unpause')
  }

  /** True when the container was only waiting to be restarted, and now no longer is. */
  #callOffRestart(container: Container, force = true): Promise<boolean> {
    if (container.state.life.status !== 'restarting') return Promise.resolve(false)
    if (!force) throw this.#runningError(container)
    return container.lock.run(async () => {
      container.cancelRestart?.()
      if (container.state.life.status !== 'restarting') return false
      container.move({ type: 'settled' })
      container.change({ stoppedByHand: true })
      await this.#parts.store.save(container.record)
      return true
    })
  }

  #runningError(container: Container): EngineError {
    const { status } = container.state.life
    const advice =
      status === 'paused'
        ? 'container is paused and must be unpaused first'
        : `container is ${status}: stop the container before removing or force remove`
    return new EngineError('conflict', `cannot remove container "${container.name}": ${advice}`)
  }
}

function checkStopSignal(subject: string, signal: string | undefined): void {
  if (!signal) return
  wrapped(subject, () => parseSignal(signal), { status: 500 })
}

/** What fails in `work`, with what it was about in front. */
function wrapped<T>(subject: string, work: () => T, details?: Record<string, unknown>): T {
  try {
    return work()
  } catch (error) {
    throw new EngineError(kindOf(error), `${subject}: ${messageOf(error)}`, {
      cause: error,
      ...(details ? { details } : {}),
    })
  }
}

function waitResponse(exitCode: number, error: string): WaitResponse {
  return { StatusCode: exitCode, ...(error === '' ? {} : { Error: { Message: error } }) }
}

/** False after `ms`; never when it is undefined or the signal fires. */
function sleepUntil(ms: number | undefined, signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => {
    if (ms === undefined) return
    const timer = setTimeout(() => resolve(false), ms)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}

async function within<T>(work: Promise<T>, ms: number, message: string): Promise<T> {
  const over = new AbortController()
  const late = sleepUntil(ms, over.signal).then(() => {
    throw new EngineError('internal', message)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}
