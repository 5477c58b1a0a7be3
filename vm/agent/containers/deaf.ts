import { readFile } from 'node:fs/promises'

/** Number of rt_sigtimedwait(2), in which small inits (tini, dumb-init) wait for the signals that they block. */
const WAITING = { x64: '128', arm64: '137' }[process.arch as string]

/**
 * Whether a signal would be lost on this process, by its `/proc/<pid>/status` and `syscall`: the kernel gives the first
 * process of a pid namespace only what it catches, or blocks to read it
 * (https://man7.org/linux/man-pages/man7/pid_namespaces.7.html). While it reads, nothing counts as blocked.
 */
export function isDeaf(status: string, syscall: string, signal: number, waiting = WAITING): boolean {
  const mask = (name: string) =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? 'f'.repeat(16)}`)
  const first = /^NSpid:.*\s1$/m.test(status)
  const heard = (((mask('SigCgt') | mask('SigBlk')) >> BigInt(signal - 1)) & 1n) === 1n
  return first && !heard && syscall.split(' ')[0] !== waiting
}

/** False as well when the process is gone. */
export async function ignoresSignal(pid: number, signal: number): Promise<boolean> {
  try {
    const [status, syscall] = await Promise.all(
      ['status', 'syscall'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
    )
    return isDeaf(status ?? '', syscall ?? '', signal)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return false
    throw error
  }
}
