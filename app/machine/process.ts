import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Whether the process is there and not merely unburied. Another user's counts as there. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  if (process.platform !== 'linux') return true
  const fields = await linuxStat(pid)
  // Without fields it was buried since the first look.
  return fields !== undefined && fields[0] !== 'Z'
}

/**
 * Something that a later process of the same pid does not share: when it was started. Undefined where the system does not
 * tell cheaply (Windows) or when it is gone.
 */
export async function processIdentity(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return (await linuxStat(pid))?.[19]
  if (process.platform === 'win32') return undefined
  const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.trim() || undefined
}

/** Resident memory of the process in bytes; undefined when it is gone. */
export async function processMemory(pid: number): Promise<number | undefined> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  }
  if (process.platform === 'win32') {
    const { stdout } = await run('tasklist', ['/fi', `PID eq ${pid}`, '/fo', 'csv', '/nh']).catch(() => ({
      stdout: '',
    }))
    const kilobytes = stdout.split('","')[4]?.replace(/\D/g, '')
    return kilobytes ? Number(kilobytes) * 1024 : undefined
  }
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.trim() ? Number(stdout) * 1024 : undefined
}

/** The process's command line, on Windows the name of its program; empty when it is gone. */
export async function commandOf(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const listing =
    process.platform === 'win32'
      ? run('tasklist', ['/fi', `PID eq ${pid}`, '/fo', 'csv', '/nh'])
      : run('ps', ['-o', 'command=', '-p', String(pid)])
  return listing.then(
    ({ stdout }) => stdout,
    () => '',
  )
}

/** Fields of /proc/PID/stat from the state (field 3) on; the name before it may hold spaces and brackets. */
async function linuxStat(pid: number): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}
