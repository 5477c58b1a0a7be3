/**
 * What the runtime remembers of a task beside the bundle, to find it again after the agent was restarted. On a tmpfs, as
 * everything of the runtime: a call there takes less than handing it to another thread and waiting for the answer, which
 * in an emulated machine is a good part of a container's start. So these calls are synchronous.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'

const State = v.object({
  version: v.literal(1),
  /** The machine's boot: pids mean nothing in another one. */
  bootId: v.string(),
  pid: v.number(),
  conmonPid: v.number(),
  /** Clock ticks since boot; pid and start time together are unique. */
  conmonStarted: v.string(),
  /** Below the cgroup file system. */
  cgroup: v.string(),
})
export type TaskState = v.InferOutput<typeof State>

const FILE = 'task.json'

/** Writes it whole or not at all. */
export function writeTaskState(bundle: string, state: TaskState): void {
  const path = join(bundle, FILE)
  writeFileSync(`${path}.tmp`, JSON.stringify(state), { mode: 0o600 })
  renameSync(`${path}.tmp`, path)
}

/** undefined when there is none, or one of another boot or another version. */
export function readTaskState(bundle: string): TaskState | undefined {
  const text = readIfThere(join(bundle, FILE))
  if (text === undefined) return undefined
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), State), text)
  return result.success && result.output.bootId === bootId() ? result.output : undefined
}

let knownBoot: string | undefined

export function bootId(): string {
  knownBoot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return knownBoot
}

/** When a process was started, in clock ticks; undefined when it is gone or a zombie. */
export function startedAt(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`)
  // The name in parentheses may hold anything, blanks and parentheses too.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19]
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR') return undefined
    throw error
  }
}
