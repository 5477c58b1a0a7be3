/** Health checks: a command in the container at intervals, as Docker's HEALTHCHECK. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Health, HealthConfig } from '../../api/containers.ts'
import { messageOf } from '../../api/errors.ts'
import type { Task } from '../runtime/runtime.ts'
import type { Container } from './container.ts'
import { runInContainer } from './exec-run.ts'
import { emit, type Parts } from './parts.ts'
import { goDuration, nowRfc3339 } from './timestamps.ts'

const NS = 1_000_000
const MAX_OUTPUT = 4096
const MAX_LOG = 5

export interface Schedule {
  interval: number
  timeout: number
  startPeriod: number
  startInterval: number
  retries: number
}

/** Durations in milliseconds, Docker's defaults filled in. */
export function scheduleOf(config: HealthConfig): Schedule {
  const ms = (value: number | undefined, fallback: number) => (value ? value / NS : fallback)
  return {
    interval: ms(config.Interval, 30_000),
    timeout: ms(config.Timeout, 30_000),
    startPeriod: ms(config.StartPeriod, 0),
    startInterval: ms(config.StartInterval, 5_000),
    retries: config.Retries || 3,
  }
}

/** The command of a check; undefined when there is none to run. */
export function commandOf(
  config: HealthConfig | null | undefined,
  shell: readonly string[],
): string[] | undefined {
  const [kind, ...rest] = config?.Test ?? []
  if (kind === 'CMD') return rest
  if (kind === 'CMD-SHELL') return [...shell, rest[0] ?? '']
  return undefined
}

export interface Probe {
  start: string
  end: string
  exitCode: number
  output: string
}

/** Health after one more probe. Failures in the start period do not count; the first success ends it. Pure. */
export function nextHealth(health: Health, probe: Probe, retries: number, inStartPeriod: boolean): Health {
  const entry = { Start: probe.start, End: probe.end, ExitCode: probe.exitCode, Output: probe.output }
  const Log = [...health.Log, entry].slice(-MAX_LOG)
  if (probe.exitCode === 0) return { Status: 'healthy', FailingStreak: 0, Log }
  const starting = health.Status === 'starting' && inStartPeriod
  const FailingStreak = starting ? health.FailingStreak : health.FailingStreak + 1
  const Status = !starting && FailingStreak >= retries ? 'unhealthy' : health.Status
  return { Status, FailingStreak, Log }
}

export type RunProbe = (command: string[], timeout: number, signal: AbortSignal) => Promise<Probe>

export class HealthMonitor {
  readonly #abort = new AbortController()

  /** Begins to watch, when the container has a check. */
  static for(parts: Parts, container: Container, task: Task): HealthMonitor | undefined {
    const config = container.record.config.Healthcheck
    const command = commandOf(config, container.record.config.Shell ?? ['/bin/sh', '-c'])
    container.health = undefined
    if (!config || !command) return undefined
    container.health = { Status: 'starting', FailingStreak: 0, Log: [] }
    const monitor = new HealthMonitor()
    const probe: RunProbe = (args, timeout, signal) =>
      probeContainer(parts, container, task, args, timeout, signal)
    monitor
      .run(scheduleOf(config), command, probe, {
        get: () => container.health,
        set: (health) => {
          const before = container.health?.Status
          container.health = health
          if (before !== health.Status) emit(parts, container, `health_status: ${health.Status}`)
        },
        paused: () => container.state.life.status === 'paused',
      })
      .catch((error) => {
        if (!monitor.#abort.signal.aborted)
          parts.log(`container ${container.shortId}: health check: ${messageOf(error)}`)
      })
    return monitor
  }

  /** Probes until stopped. */
  async run(
    schedule: Schedule,
    command: string[],
    probe: RunProbe,
    holder: { get(): Health | undefined; set(health: Health): void; paused(): boolean },
  ): Promise<void> {
    const { signal } = this.#abort
    const began = Date.now()
    const inStart = () => Date.now() - began < schedule.startPeriod
    while (!signal.aborted) {
      const starting = inStart() && holder.get()?.Status === 'starting'
      await sleep(starting ? schedule.startInterval : schedule.interval, undefined, { signal, ref: false })
      const health = holder.get()
      if (!health || holder.paused()) continue
      const counted = inStart()
      const result = await probe(command, schedule.timeout, signal)
      if (!signal.aborted) holder.set(nextHealth(health, result, schedule.retries, counted))
    }
  }

  stop(): void {
    this.#abort.abort()
  }
}

/** Docker's words, with what the check had printed by then. Pure. */
export function timeoutText(ms: number, output: string): string {
  const text = `Health check exceeded timeout (${goDuration(ms)})`
  return output === '' ? text : `${text}: ${output}`
}

async function probeContainer(
  parts: Parts,
  container: Container,
  task: Task,
  command: string[],
  timeout: number,
  signal: AbortSignal,
): Promise<Probe> {
  const start = nowRfc3339()
  const done = (exitCode: number, output: string): Probe => ({ start, end: nowRfc3339(), exitCode, output })
  try {
    const result = await runInContainer(parts, container, task, command, {
      timeout,
      signal,
      maxOutput: MAX_OUTPUT,
    })
    if (result.exitCode === undefined) return done(-1, timeoutText(timeout, result.output))
    return done(result.exitCode, result.output)
  } catch (error) {
    return done(-1, messageOf(error))
  }
}
