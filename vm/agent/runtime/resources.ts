/** Limits: Docker's HostConfig → OCI `linux.resources`. Pure; crun translates to cgroup v2 files. */
import type { Resources } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import type { DeviceRule } from './devices.ts'

/** What the machine's kernel can do; a limit that it cannot is left out (create warns). */
export interface ResourceSupport {
  /** io.weight or io.bfq.weight exists. */
  ioWeight: boolean
  /** memory.swap.max exists. */
  swap: boolean
}

/** A host block device and its numbers, looked up by the caller. */
export type DeviceNumbers = (path: string) => { major: number; minor: number }

const CPU_PERIOD = 100_000

/** CPU bandwidth in microseconds; `NanoCpus` wins over quota and period as in Docker. */
export function cpuBandwidth(limits: Resources): { quota?: number; period?: number } {
  if (limits.NanoCpus) return { quota: Math.round((limits.NanoCpus * CPU_PERIOD) / 1e9), period: CPU_PERIOD }
  return {
    ...(limits.CpuQuota ? { quota: limits.CpuQuota } : {}),
    ...(limits.CpuPeriod ? { period: limits.CpuPeriod } : {}),
  }
}

/** Memory and memory + swap in bytes, -1 for unlimited; a limit without a swap limit allows as much swap again. */
export function memoryLimits(limits: Resources): { limit?: number; swap?: number; reservation?: number } {
  const memory = limits.Memory ?? 0
  const asked = limits.MemorySwap ?? 0
  const swap = asked !== 0 ? asked : memory > 0 ? memory * 2 : 0
  return {
    ...(memory > 0 ? { limit: memory } : {}),
    ...(swap !== 0 ? { swap } : {}),
    ...(limits.MemoryReservation ? { reservation: limits.MemoryReservation } : {}),
  }
}

/** The `linux.resources` of a spec. `rules` is the device allow list, in order. */
export function ociResources(
  limits: Resources,
  rules: readonly DeviceRule[],
  support: ResourceSupport,
  numbers: DeviceNumbers,
): Record<string, unknown> {
  const { swap, ...memory } = memoryLimits(limits)
  const cpu = {
    ...cpuBandwidth(limits),
    ...(limits.CpuShares ? { shares: limits.CpuShares } : {}),
    ...(limits.CpusetCpus ? { cpus: limits.CpusetCpus } : {}),
    ...(limits.CpusetMems ? { mems: limits.CpusetMems } : {}),
  }
  const blockIO = blockIo(limits, support, numbers)
  const withSwap = { ...memory, ...(support.swap && swap !== undefined ? { swap } : {}) }
  return {
    devices: rules,
    ...(Object.keys(withSwap).length > 0 ? { memory: withSwap } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(limits.PidsLimit ? { pids: { limit: Math.max(limits.PidsLimit, -1) } } : {}),
    ...(Object.keys(blockIO).length > 0 ? { blockIO } : {}),
  }
}

function blockIo(
  limits: Resources,
  support: ResourceSupport,
  numbers: DeviceNumbers,
): Record<string, unknown> {
  const throttle = (list: Resources['BlkioDeviceReadBps']) =>
    (list ?? []).map(({ Path, Rate }) => ({ ...numbers(Path), rate: Rate }))
  const weightDevices = (limits.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({
    ...numbers(Path),
    weight: Weight,
  }))
  const all: Record<string, unknown[]> = {
    throttleReadBpsDevice: throttle(limits.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttle(limits.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttle(limits.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttle(limits.BlkioDeviceWriteIOps),
    weightDevice: support.ioWeight ? weightDevices : [],
  }
  const used = Object.fromEntries(Object.entries(all).filter(([, list]) => list.length > 0))
  return support.ioWeight && limits.BlkioWeight ? { ...used, weight: limits.BlkioWeight } : used
}

/** `--ulimit`; soft may not exceed hard. */
export function rlimits(limits: Resources): { type: string; soft: number; hard: number }[] {
  const asked = (limits.Ulimits ?? []).map(({ Name, Soft, Hard }) => {
    if (Hard !== -1 && (Soft > Hard || Soft === -1)) {
      throw new EngineError(
        'invalid_argument',
        `ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`,
      )
    }
    return { type: `RLIMIT_${Name.toUpperCase()}`, soft: rlimitValue(Soft), hard: rlimitValue(Hard) }
  })
  const named = asked.some(({ type }) => type === 'RLIMIT_NOFILE')
  return named ? asked : [{ type: 'RLIMIT_NOFILE', soft: OPEN_FILES, hard: OPEN_FILES }, ...asked]
}

/** What Docker's own packages give containers. */
const OPEN_FILES = 1_048_576
/** RLIM_INFINITY does not fit a double: `JSON.stringify` of the spec writes this marker's digits. */
export const UNLIMITED = Number.MAX_SAFE_INTEGER

function rlimitValue(value: number): number {
  return value < 0 ? UNLIMITED : value
}
