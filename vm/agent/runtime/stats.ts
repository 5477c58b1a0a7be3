/** What a container uses right now, in the pieces of Docker's `stats`. */
import { readFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import type { ContainerStats } from '../../api/containers.ts'
import type { Cgroup } from './cgroup.ts'
import {
  type IoStat,
  parseFlatKeys,
  parseIoStat,
  parseLimit,
  parseNetDev,
  parseSystemCpu,
} from './cgroup-format.ts'

/** All but names, times and the previous sample, which the caller has. */
export type Usage = Pick<
  ContainerStats,
  'num_procs' | 'storage_stats' | 'pids_stats' | 'cpu_stats' | 'memory_stats' | 'blkio_stats' | 'networks'
>

/**
 * Reads the cgroup's files and, with `pid`, the counters of that process' network namespace. Undefined when the
 * container is gone.
 */
export async function readUsage(cgroup: Cgroup, pid?: number): Promise<Usage | undefined> {
  const files = [
    'cpu.stat',
    'memory.current',
    'memory.max',
    'memory.stat',
    'pids.current',
    'pids.max',
    'io.stat',
  ]
  const [texts, system, net] = await Promise.all([
    Promise.all(files.map((file) => cgroup.read(file))),
    readFile('/proc/stat', 'utf8'),
    pid === undefined ? undefined : readNetDev(pid),
  ])
  const [cpu, current, max, memoryStat, pidsCurrent, pidsMax, io] = texts
  if (cpu === undefined) return undefined
  const pids = { current: parseLimit(pidsCurrent), limit: parseLimit(pidsMax) }
  return {
    num_procs: 0,
    storage_stats: {},
    pids_stats: {
      ...(pids.current === undefined ? {} : { current: pids.current }),
      ...(pids.limit === undefined ? {} : { limit: pids.limit }),
    },
    cpu_stats: cpuStats(cpu, system),
    memory_stats: {
      usage: parseLimit(current) ?? 0,
      limit: Math.min(parseLimit(max) ?? Number.POSITIVE_INFINITY, totalmem()),
      stats: parseFlatKeys(memoryStat ?? ''),
    },
    blkio_stats: blkioStats(parseIoStat(io ?? '')),
    ...(net === undefined ? {} : { networks: parseNetDev(net) }),
  }
}

function cpuStats(stat: string, system: string): Usage['cpu_stats'] {
  const values = parseFlatKeys(stat)
  const ns = (key: string) => (values[key] ?? 0) * 1000
  return {
    cpu_usage: {
      total_usage: ns('usage_usec'),
      usage_in_kernelmode: ns('system_usec'),
      usage_in_usermode: ns('user_usec'),
    },
    system_cpu_usage: parseSystemCpu(system),
    online_cpus: availableParallelism(),
    throttling_data: {
      periods: values['nr_periods'] ?? 0,
      throttled_periods: values['nr_throttled'] ?? 0,
      throttled_time: ns('throttled_usec'),
    },
  }
}

function blkioStats(devices: IoStat[]): Usage['blkio_stats'] {
  const entries = (fields: [string, string][]) =>
    devices.flatMap(({ major, minor, values }) =>
      fields.map(([op, field]) => ({ major, minor, op, value: values[field] ?? 0 })),
    )
  const bytes = entries([
    ['read', 'rbytes'],
    ['write', 'wbytes'],
  ])
  return { io_service_bytes_recursive: bytes.length > 0 ? bytes : null, io_serviced_recursive: null }
}

async function readNetDev(pid: number): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/net/dev`, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // ESRCH and EINVAL: the process ended between two reads.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL') return undefined
    throw error
  }
}
