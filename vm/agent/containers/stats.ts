import { setTimeout as sleep } from 'node:timers/promises'
import type { ContainerStats, CpuStats } from '../../api/containers.ts'
import { Cgroup } from '../runtime/cgroup.ts'
import { readUsage, type Usage } from '../runtime/stats.ts'
import type { Container } from './container.ts'
import { networkKind } from './network-mode.ts'
import type { Parts } from './parts.ts'
import { nowRfc3339 } from './timestamps.ts'

const TICK = 1000
const NO_CPU: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
}

/** Cgroup v1 had these; their members are always there. */
const OLD_BLKIO = {
  io_queue_recursive: null,
  io_service_time_recursive: null,
  io_wait_time_recursive: null,
  io_merged_recursive: null,
  io_time_recursive: null,
  sectors_recursive: null,
} as const

/**
 * One sample a second. `stream: false` ends after one, which `oneShot` takes at once, without a previous sample to
 * compare with. A container that does not run gives an empty sample, as in Docker.
 */
export async function* containerStats(
  parts: Parts,
  container: Container,
  options: { stream: boolean; oneShot: boolean; signal: AbortSignal },
): AsyncIterable<ContainerStats> {
  if (!container.running && !options.stream) {
    yield sample(container, undefined, undefined)
    return
  }
  let previous = options.oneShot ? undefined : await measure(parts, container)
  if (options.stream) yield sample(container, previous, undefined)
  while (!options.signal.aborted && parts.table.find(container.id)) {
    if (!options.oneShot) await sleep(TICK, undefined, { signal: options.signal }).catch(() => undefined)
    if (options.signal.aborted) return
    const now = await measure(parts, container)
    yield sample(container, now, previous)
    if (!options.stream) return
    previous = now
  }
}

interface Measured {
  read: string
  usage: Usage
}

async function measure(_parts: Parts, container: Container): Promise<Measured | undefined> {
  const { task } = container
  if (!task) return undefined
  const kind = networkKind(container.record.hostConfig.NetworkMode)
  const usage = await readUsage(new Cgroup(task.cgroup), kind.type === 'networks' ? task.pid : undefined)
  return usage && { read: nowRfc3339(), usage }
}

function sample(
  container: Container,
  now: Measured | undefined,
  before: Measured | undefined,
): ContainerStats {
  const empty: Usage = {
    num_procs: 0,
    storage_stats: {},
    pids_stats: {},
    cpu_stats: NO_CPU,
    memory_stats: {},
    blkio_stats: { io_service_bytes_recursive: null, io_serviced_recursive: null },
  }
  return {
    id: container.id,
    name: `/${container.name}`,
    read: now?.read ?? '0001-01-01T00:00:00Z',
    preread: before?.read ?? '0001-01-01T00:00:00Z',
    ...(now?.usage ?? empty),
    blkio_stats: { ...(now?.usage ?? empty).blkio_stats, ...OLD_BLKIO },
    precpu_stats: before?.usage.cpu_stats ?? NO_CPU,
  }
}
