import { readFile } from 'node:fs/promises'

/**
 * Whether a signal would be lost on this process, by its `/proc/<pid>/status`: the kernel gives the first process of
 * a pid namespace only what it catches, or blocks to read it (https://man7.org/linux/man-pages/man7/pid_namespaces.7.html).
 */
export function isDeaf(status: string, signal: number): boolean {
  const mask = (name: string) =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? 'f'.repeat(16)}`)
  const first = /^NSpid:.*\s1$/m.test(status)
  return first && (((mask('SigCgt') | mask('SigBlk')) >> BigInt(signal - 1)) & 1n) === 0n
}

/** False as well when the process is gone. */
export async function ignoresSignal(pid: number, signal: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined)
  return status !== undefined && isDeaf(status, signal)
}
