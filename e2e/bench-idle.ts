/** What a machine costs while nobody uses it (Linux hosts). */
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DockerRunner, type Figure, figure, residentMiB } from './measure.ts'

const WATCH_MS = 20_000
/** USER_HZ; the same on every Linux that we run on. */
const TICK_MS = 10

/** After boot and a moment of rest: memory inside and outside, processor and wake-ups of QEMU. Needs the image busybox. */
export async function idleFigures(docker: DockerRunner, pid: number): Promise<Figure[]> {
  await sleep(WATCH_MS / 2)
  const [cpu, wakeUps] = [await processorMs(pid), await contextSwitches(pid)]
  const started = performance.now()
  await sleep(WATCH_MS)
  const seconds = (performance.now() - started) / 1000
  const busy = ((await processorMs(pid)) - cpu) / 10 / seconds
  const woken = switchesSince(wakeUps, await contextSwitches(pid)) / seconds
  const resident = await residentMiB(pid)
  const used = await guestUsedMiB(docker)
  return [
    figure('idle: resident memory of QEMU', 'MiB', [resident]),
    figure('idle: memory used in the guest', 'MiB', [used]),
    figure('idle: processor time of QEMU', '%', [busy]),
    figure('idle: wake-ups of QEMU per second', '/s', [woken]),
  ]
}

/** As `free` reckons it: all but what is free or could be given up. */
async function guestUsedMiB(docker: DockerRunner): Promise<number> {
  const { stdout, stderr, code } = await docker('run', '--rm', 'busybox', 'cat', '/proc/meminfo')
  if (code !== 0) throw new Error(stderr)
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(stdout)?.[1])
  return (field('MemTotal') - field('MemAvailable')) / 1024
}

async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** By thread; those that wait for something wake up, which is what keeps a laptop from resting. */
async function contextSwitches(pid: number): Promise<Map<string, number>> {
  const threads = await readdir(`/proc/${pid}/task`)
  const counts = threads.map(async (thread): Promise<[string, number]> => {
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8').catch(() => '')
    return [thread, Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1] ?? 0)]
  })
  return new Map(await Promise.all(counts))
}

/** A thread that ended takes its count with it; only what is still there is compared. */
function switchesSince(before: Map<string, number>, after: Map<string, number>): number {
  return [...after].reduce((sum, [thread, count]) => sum + count - (before.get(thread) ?? 0), 0)
}
