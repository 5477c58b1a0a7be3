import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** Memory of a process that is in RAM, in bytes; 0 when the operating system does not tell. */
export async function residentBytes(pid: number): Promise<number> {
  try {
    if (process.platform === 'linux') return fromStatus(await readFile(`/proc/${pid}/status`, 'utf8'))
    const run = promisify(execFile)
    if (process.platform === 'win32') {
      const { stdout } = await run('tasklist', ['/fi', `PID eq ${pid}`, '/fo', 'csv', '/nh'])
      return Number(/"([\d.,\s]+) K"/.exec(stdout)?.[1]?.replace(/\D/g, '') ?? 0) * 1024
    }
    const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)])
    return Number(stdout.trim()) * 1024 || 0
  } catch {
    return 0
  }
}

function fromStatus(text: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024
}
