/** What the machine itself says: memory, CPUs, disk, kernel. */
import { readFile, statfs } from 'node:fs/promises'
import { arch, cpus, hostname, loadavg, release, totalmem, uptime } from 'node:os'
import type { MachineUsage } from '../../api/slipway.ts'

export async function machineUsage(dataRoot: string): Promise<MachineUsage> {
  const [memory, stat, disk] = await Promise.all([
    readFile('/proc/meminfo', 'utf8'),
    readFile('/proc/stat', 'utf8'),
    statfs(dataRoot),
  ])
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(memory)?.[1] ?? 0)
  const ticks = (stat.split('\n', 1)[0] ?? '').split(/\s+/).slice(1, 9).map(Number)
  const total = ticks.reduce((sum, value) => sum + value, 0)
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0)
  const [one = 0, five = 0, fifteen = 0] = loadavg()
  return {
    memory: { total: kilobytes('MemTotal') * 1024, available: kilobytes('MemAvailable') * 1024 },
    disk: { total: disk.blocks * disk.bsize, used: (disk.blocks - disk.bfree) * disk.bsize },
    cpu: { busy: total - idle, total, count: cpus().length },
    load: [one, five, fifteen],
    uptime: uptime(),
  }
}

export interface MachineIdentity {
  name: string
  kernel: string
  system: string
  systemVersion: string
  /** As `uname -m`. */
  architecture: string
  /** As Go names it. */
  goArch: 'amd64' | 'arm64'
  memory: number
  cpus: number
}

export async function machineIdentity(): Promise<MachineIdentity> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1] ?? ''
  const x64 = arch() === 'x64'
  return {
    name: hostname(),
    kernel: release(),
    system: field('PRETTY_NAME') || 'Linux',
    systemVersion: field('VERSION_ID'),
    architecture: x64 ? 'x86_64' : 'aarch64',
    goArch: x64 ? 'amd64' : 'arm64',
    memory: totalmem(),
    cpus: cpus().length,
  }
}
