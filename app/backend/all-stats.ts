import { setTimeout as sleep } from 'node:timers/promises'
import type { ContainerStats } from '../../vm/api/containers.ts'
import { EngineError } from '../../vm/api/errors.ts'
import type { Parts } from './parts.ts'
import { untilRunning } from './running.ts'

const PERIOD = 1000
/** Readings asked for at once: enough for a full period of many containers, few enough to leave the rest room. */
const CONCURRENCY = 4

/**
 * The figures of every running container about once a second, each with the reading before it in `precpu_stats`. Waits
 * while the machine does not run. The next round starts a period after the last one ended, so a slow engine is asked
 * less often.
 */
export async function* allStats(
  { engine, machine }: Pick<Parts, 'engine' | 'machine'>,
  signal: AbortSignal,
): AsyncGenerator<ContainerStats[], void, undefined> {
  let before = new Map<string, ContainerStats>()
  while (!signal.aborted) {
    try {
      await untilRunning(machine, signal)
      const running = await engine.containers.list({ filters: { status: ['running', 'paused'] } }, { signal })
      const round = await readAll(
        running.map(({ Id }) => Id),
        (id) => engine.streams.statsOnce(id, { signal }),
      )
      yield round.map((stats) => withPrevious(stats, before.get(stats.id)))
      before = new Map(round.map((stats) => [stats.id, stats]))
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof EngineError && error.kind === 'unavailable')) throw error
    }
    await sleep(PERIOD, undefined, { signal }).catch(() => undefined)
  }
}

function withPrevious(stats: ContainerStats, before: ContainerStats | undefined): ContainerStats {
  return before ? { ...stats, preread: before.read, precpu_stats: before.cpu_stats } : stats
}

/** A container that went away meanwhile is left out. */
async function readAll(
  ids: readonly string[],
  read: (id: string) => Promise<ContainerStats>,
): Promise<ContainerStats[]> {
  const results: ContainerStats[] = []
  const queue = [...ids]
  const worker = async (): Promise<void> => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      try {
        results.push(await read(id))
      } catch (error) {
        if (!(error instanceof EngineError && ['not_found', 'conflict'].includes(error.kind))) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  return results
}
