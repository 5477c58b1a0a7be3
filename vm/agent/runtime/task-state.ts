/** What the runtime remembers of a task beside the bundle, to find it again after the agent was restarted. */
import { readFile, rename, writeFile } from 'node:fs/promises'
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
export async function writeTaskState(bundle: string, state: TaskState): Promise<void> {
  const path = join(bundle, FILE)
  await writeFile(`${path}.tmp`, JSON.stringify(state), { mode: 0o600 })
  await rename(`${path}.tmp`, path)
}

/** undefined when there is none, or one of another boot or another version. */
export async function readTaskState(bundle: string): Promise<TaskState | undefined> {
  const text = await readIfThere(join(bundle, FILE))
  if (text === undefined) return undefined
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), State), text)
  return result.success && result.output.bootId === (await bootId()) ? result.output : undefined
}

let knownBoot: Promise<string> | undefined

export function bootId(): Promise<string> {
  knownBoot ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then((text) => text.trim())
  return knownBoot
}

/** When a process was started, in clock ticks; undefined when it is gone or a zombie. */
export async function startedAt(pid: number): Promise<string | undefined> {
  const stat = await readIfThere(`/proc/${pid}/stat`)
  // The name in parentheses may hold anything, blanks and parentheses too.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19]
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR') return undefined
    throw error
  }
}
