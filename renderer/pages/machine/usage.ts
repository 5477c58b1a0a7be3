import { useEffect, useState } from 'react'
import type { MethodResult } from '../../../app/contract.ts'
import { call } from '../../api.ts'

export interface Usage {
  /** 0–1 of all CPUs, over the time between two readings. */
  cpu: number
  cpus: number
  memoryUsed: number
  memoryTotal: number
  diskUsed: number
  diskTotal: number
  /** Resident bytes of the VM's process on the host. */
  process: number
}

type Reading = MethodResult<'machine.usage'>

/** CPU time is cumulative, so a share needs two readings. Pure. */
export function toUsage(reading: Reading, before: Reading | undefined): Usage {
  const total = reading.cpu.total - (before?.cpu.total ?? 0)
  const share = total > 0 ? (reading.cpu.busy - (before?.cpu.busy ?? 0)) / total : 0
  return {
    cpu: Math.max(0, Math.min(1, share)),
    cpus: reading.cpu.count,
    memoryUsed: reading.memory.total - reading.memory.available,
    memoryTotal: reading.memory.total,
    diskUsed: reading.disk.used,
    diskTotal: reading.disk.total,
    process: reading.process.rss,
  }
}

/** A gauge has no event: read every few seconds while it is looked at. */
export function useUsage(): Usage | undefined {
  const [usage, setUsage] = useState<Usage | undefined>(undefined)
  useEffect(() => {
    const abort = new AbortController()
    let before: Reading | undefined
    let timer: ReturnType<typeof setTimeout>
    const read = (): void => {
      call('machine.usage', [], { signal: abort.signal })
        .then(
          (reading) => {
            setUsage(toUsage(reading, before))
            before = reading
          },
          () => setUsage(undefined),
        )
        .finally(() => {
          if (!abort.signal.aborted) timer = setTimeout(read, before ? 4000 : 1500)
        })
    }
    read()
    return () => {
      abort.abort()
      clearTimeout(timer)
    }
  }, [])
  return usage
}
