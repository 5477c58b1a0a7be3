import { useSyncExternalStore } from 'react'
import type { ContainerStats } from '../vm/api/containers.ts'
import { open } from './api.ts'
import type { OpenStream } from './bridge.ts'

/** One reading of a container. */
export interface Sample {
  /** Milliseconds since the epoch. */
  time: number
  /** 1 is one whole CPU. */
  cpu: number
  memory: number
  memoryLimit: number
  received: number
  sent: number
  read: number
  written: number
  processes: number
}

/** A reading as Docker's own CLI computes it: CPU from the difference, memory without the reclaimable file cache. */
export function toSample(stats: ContainerStats): Sample {
  const cpuDelta = stats.cpu_stats.cpu_usage.total_usage - stats.precpu_stats.cpu_usage.total_usage
  const systemDelta = (stats.cpu_stats.system_cpu_usage ?? 0) - (stats.precpu_stats.system_cpu_usage ?? 0)
  const cpus = stats.cpu_stats.online_cpus ?? 1
  const cache = stats.memory_stats.stats?.['inactive_file'] ?? 0
  const io = (op: string): number =>
    (stats.blkio_stats.io_service_bytes_recursive ?? [])
      .filter((entry) => entry.op.toLowerCase() === op)
      .reduce((sum, entry) => sum + entry.value, 0)
  const net = Object.values(stats.networks ?? {})
  return {
    time: Date.parse(stats.read),
    cpu: cpuDelta > 0 && systemDelta > 0 ? (cpuDelta / systemDelta) * cpus : 0,
    memory: Math.max(0, (stats.memory_stats.usage ?? 0) - cache),
    memoryLimit: stats.memory_stats.limit ?? 0,
    received: net.reduce((sum, network) => sum + network.rx_bytes, 0),
    sent: net.reduce((sum, network) => sum + network.tx_bytes, 0),
    read: io('read'),
    written: io('write'),
    processes: stats.pids_stats.current ?? 0,
  }
}

const KEPT = 60
const series = new Map<string, readonly Sample[]>()
const listeners = new Map<string, Set<() => void>>()
const EMPTY: readonly Sample[] = []
let users = 0
let stream: OpenStream<never> | undefined

function take(all: readonly ContainerStats[]): undefined {
  const seen = new Set<string>()
  for (const stats of all) {
    seen.add(stats.id)
    const next = [...(series.get(stats.id) ?? EMPTY).slice(1 - KEPT), toSample(stats)]
    series.set(stats.id, next)
    for (const listener of listeners.get(stats.id) ?? []) listener()
  }
  for (const id of [...series.keys()]) {
    if (seen.has(id)) continue
    series.delete(id)
    for (const listener of listeners.get(id) ?? []) listener()
  }
  return undefined
}

/** Keeps the one stats stream open while anything on screen wants it; call the result to let go. */
export function watchStats(): () => void {
  users++
  let timer: ReturnType<typeof setTimeout> | undefined
  const connect = (): void => {
    stream = open('containers.allStats', [], {
      data: take,
      end: () => {
        stream = undefined
        if (users > 0) timer = setTimeout(connect, 2000)
      },
    })
  }
  if (users === 1) connect()
  return () => {
    users--
    if (users > 0) return
    clearTimeout(timer)
    stream?.close()
    stream = undefined
  }
}

/** The last minute of one container; follows only that container. */
export function useSamples(id: string): readonly Sample[] {
  return useSyncExternalStore(
    (listener) => {
      const set = listeners.get(id) ?? new Set()
      listeners.set(id, set.add(listener))
      return () => {
        set.delete(listener)
        if (set.size === 0) listeners.delete(id)
      }
    },
    () => series.get(id) ?? EMPTY,
  )
}

/** What the Stats tab has seen of each container: ten minutes, kept while another page is shown. */
const HISTORY = 600_000
const histories = new Map<string, { run: string; samples: readonly Sample[] }>()

/** The readings of one run of a container, oldest first, `more` added; it begins with those of the list. */
export function extendHistory(id: string, run: string, more: readonly Sample[]): readonly Sample[] {
  const known = histories.get(id)
  const before = known?.run === run ? known.samples : []
  const last = before.at(-1)?.time ?? Date.parse(run)
  const next = more[0]?.time ?? Number.POSITIVE_INFINITY
  const listed = (series.get(id) ?? EMPTY).filter(({ time }) => time > last && time < next)
  const all = [...before, ...listed, ...more]
  const until = (all.at(-1)?.time ?? 0) - HISTORY
  const samples = all.filter(({ time }) => time > until)
  // Of containers that are gone nobody asks again.
  for (const [other, { samples: old }] of histories)
    if ((old.at(-1)?.time ?? until) < until) histories.delete(other)
  histories.set(id, { run, samples })
  return samples
}

/** The last reading of every running container, for sorting. */
export function lastSample(id: string): Sample | undefined {
  return series.get(id)?.at(-1)
}
