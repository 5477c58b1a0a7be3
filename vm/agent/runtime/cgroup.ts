/** One container's cgroup v2 directory (https://docs.kernel.org/admin-guide/cgroup-v2.html). */
import { watch } from 'node:fs'
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Resources } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import { parseFlatKeys } from './cgroup-format.ts'
import { cpuBandwidth, memoryLimits } from './resources.ts'

/** Where the unified hierarchy is mounted. */
export const CGROUP_ROOT = '/sys/fs/cgroup'

const FREEZE_DEADLINE = 10_000
const EMPTY_DEADLINE = 10_000

/** Makes the control files of Docker's `update` from limits; pure. Values of 0 and absent ones change nothing. */
export function limitWrites(limits: Resources): { file: string; value: string }[] {
  const writes: { file: string; value: string }[] = []
  const { limit, swap, reservation } = memoryLimits(limits)
  if (limit !== undefined) writes.push({ file: 'memory.max', value: `${limit}` })
  if (swap === -1) writes.push({ file: 'memory.swap.max', value: 'max' })
  else if (swap !== undefined && limit !== undefined) {
    writes.push({ file: 'memory.swap.max', value: `${swap - limit}` })
  }
  if (reservation !== undefined) writes.push({ file: 'memory.low', value: `${reservation}` })
  const { quota, period = 100_000 } = cpuBandwidth(limits)
  if (quota !== undefined) writes.push({ file: 'cpu.max', value: `${quota > 0 ? quota : 'max'} ${period}` })
  if (limits.CpuShares) writes.push({ file: 'cpu.weight', value: `${sharesToWeight(limits.CpuShares)}` })
  if (limits.CpusetCpus) writes.push({ file: 'cpuset.cpus', value: limits.CpusetCpus })
  if (limits.CpusetMems) writes.push({ file: 'cpuset.mems', value: limits.CpusetMems })
  if (limits.PidsLimit !== undefined && limits.PidsLimit !== null) {
    writes.push({ file: 'pids.max', value: limits.PidsLimit > 0 ? `${limits.PidsLimit}` : 'max' })
  }
  if (limits.BlkioWeight)
    writes.push({ file: 'io.weight', value: `default ${blkioToWeight(limits.BlkioWeight)}` })
  return writes
}

/** Docker's 2…262144 (1024 is one share) onto 1…10000, as crun does. */
export function sharesToWeight(shares: number): number {
  const bounded = Math.min(262_144, Math.max(2, shares))
  return Math.floor(1 + ((bounded - 2) * 9999) / 262_142)
}

/** Docker's 10…1000 onto 1…10000. */
function blkioToWeight(weight: number): number {
  return Math.floor(1 + ((weight - 10) * 9999) / 990)
}

export class Cgroup {
  /** Absolute path of the directory. */
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** A control file's text; undefined when it or the whole cgroup is not there. */
  async read(file: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.path, file), 'utf8')
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }

  /** Sets limits of a live container in order, up to the first that the kernel refuses (invalid_argument names the file). */
  async update(limits: Resources): Promise<void> {
    const writes = limitWrites(limits)
    for (const { file, value } of writes) {
      try {
        await writeFile(join(this.path, file), value)
      } catch (cause) {
        throw new EngineError('invalid_argument', `${file}: cannot set to ${value}`, { cause })
      }
    }
  }

  /** Stops every process; resolves when all are frozen, 'unavailable' when that takes longer than 10 s; false when gone. */
  freeze(): Promise<boolean> {
    return this.#setFrozen(true)
  }

  /** The opposite; false when gone. */
  thaw(): Promise<boolean> {
    return this.#setFrozen(false)
  }

  /** Undefined when gone. */
  async isFrozen(): Promise<boolean | undefined> {
    const events = await this.read('cgroup.events')
    return events === undefined ? undefined : parseFlatKeys(events)['frozen'] === 1
  }

  /** How often the kernel killed a process of this cgroup for memory. */
  async oomKills(): Promise<number> {
    return parseFlatKeys((await this.read('memory.events')) ?? '')['oom_kill'] ?? 0
  }

  /** Every process, also of cgroups that the container made below. */
  async pids(): Promise<number[]> {
    const own = ((await this.read('cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number)
    const children = await this.#children()
    const lists = await Promise.all(children.map((child) => child.pids()))
    return [own, ...lists].flat().filter((pid) => pid > 0)
  }

  /** SIGKILL to every process at once; no race with forks. Gone is fine. */
  async kill(): Promise<void> {
    try {
      await writeFile(join(this.path, 'cgroup.kill'), '1')
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }

  /** Kills what is left and removes the directory with all below. Gone is fine. */
  async remove(): Promise<void> {
    const deadline = Date.now() + EMPTY_DEADLINE
    for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
      if (await this.#tryRemove()) return
      if (Date.now() > deadline)
        throw new EngineError('unavailable', `cgroup ${this.path}: processes will not end`)
      await this.kill()
      await sleep(wait)
    }
  }

  async #tryRemove(): Promise<boolean> {
    try {
      await rmdir(this.path)
      return true
    } catch (error) {
      if (isGone(error)) return true
      if (!isBusy(error)) throw error
    }
    for (const child of await this.#children()) await child.#tryRemove()
    return false
  }

  async #children(): Promise<Cgroup[]> {
    try {
      const entries = await readdir(this.path, { withFileTypes: true })
      return entries
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => new Cgroup(join(this.path, name)))
    } catch (error) {
      if (isGone(error)) return []
      throw error
    }
  }

  async #setFrozen(frozen: boolean): Promise<boolean> {
    const changed = new EventTarget()
    try {
      // The kernel reports a change of cgroup.events as a modification: no polling.
      using _ = watching(join(this.path, 'cgroup.events'), () => changed.dispatchEvent(new Event('change')))
      await writeFile(join(this.path, 'cgroup.freeze'), frozen ? '1' : '0')
      const deadline = Date.now() + FREEZE_DEADLINE
      for (;;) {
        const now = await this.isFrozen()
        if (now === frozen || now === undefined) return now === frozen
        if (Date.now() > deadline) {
          throw new EngineError('unavailable', `cgroup ${this.path}: cannot ${frozen ? 'freeze' : 'thaw'}`)
        }
        await nextChange(changed, 100)
      }
    } catch (error) {
      if (isGone(error)) return false
      throw error
    }
  }
}

function watching(file: string, changed: () => void): Disposable {
  const watcher = watch(file, { persistent: false }, changed)
  return { [Symbol.dispose]: () => watcher.close() }
}

/** The next 'change', or `ms` later. */
function nextChange(target: EventTarget, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      target.removeEventListener('change', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    target.addEventListener('change', done)
  })
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENODEV'
}

function isBusy(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EBUSY' || code === 'ENOTEMPTY'
}
