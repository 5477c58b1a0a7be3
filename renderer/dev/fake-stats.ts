import type { ContainerStats, ContainerSummary } from '../../vm/api/containers.ts'

const loads = new Map<string, { cpu: number; total: number; memory: number }>()

/** A reading of a container whose load wanders. */
export function fakeStats(one: ContainerSummary): ContainerStats {
  const load = loads.get(one.Id) ?? {
    cpu: Math.random() * 0.2,
    total: 1e9,
    memory: (20 + Math.random() * 200) * 1e6,
  }
  load.cpu = Math.max(0.001, Math.min(0.9, load.cpu + (Math.random() - 0.5) * 0.06))
  load.memory = Math.max(4e6, load.memory * (1 + (Math.random() - 0.5) * 0.03))
  loads.set(one.Id, load)
  const cpu = (used: number, system: number) => ({
    cpu_usage: { total_usage: used, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    system_cpu_usage: system,
    online_cpus: 2,
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  })
  const t = Date.now() / 1000
  return {
    id: one.Id,
    name: one.Names[0] ?? '',
    read: new Date().toISOString(),
    preread: '',
    num_procs: 0,
    storage_stats: {},
    pids_stats: { current: 4 },
    cpu_stats: cpu(load.cpu * 1e9, 2e9),
    precpu_stats: cpu(0, 0),
    memory_stats: { usage: load.memory, limit: 4.1e9, stats: { inactive_file: 1e6 } },
    blkio_stats: {
      io_service_bytes_recursive: [
        { major: 8, minor: 0, op: 'read', value: t * 9e4 },
        { major: 8, minor: 0, op: 'write', value: t * 4e4 + Math.random() * 2e4 },
      ],
      io_serviced_recursive: null,
    },
    networks: {
      eth0: {
        rx_bytes: t * 1.2e5 + Math.random() * 5e4,
        rx_packets: 0,
        rx_errors: 0,
        rx_dropped: 0,
        tx_bytes: t * 6e4 + Math.random() * 3e4,
        tx_packets: 0,
        tx_errors: 0,
        tx_dropped: 0,
      },
    },
  }
}
