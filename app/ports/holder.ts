/** Who listens on a port of this machine, as far as the operating system tells this user. */
import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Protocol } from '../../vm/api/slipway.ts'

export interface Holder {
  pid?: number
  name?: string
}

const TIMEOUT_MS = 3_000

/** Undefined when nobody is found; never throws: it only makes an error message better. */
export async function findHolder(
  protocol: Protocol,
  port: number,
  platform: NodeJS.Platform = process.platform,
): Promise<Holder | undefined> {
  try {
    if (platform === 'linux') return await linuxHolder(protocol, port)
    if (platform === 'darwin') return await lsofHolder(protocol, port)
    if (platform === 'win32') return await windowsHolder(protocol, port)
  } catch {
    return undefined
  }
  return undefined
}

/** `nginx (pid 12)`. */
export function holderText(holder: Holder): string {
  if (holder.name === undefined)
    return holder.pid === undefined ? 'another user’s process' : `pid ${holder.pid}`
  return holder.pid === undefined ? holder.name : `${holder.name} (pid ${holder.pid})`
}

async function linuxHolder(protocol: Protocol, port: number): Promise<Holder | undefined> {
  const tables = await Promise.all(
    [protocol, `${protocol}6`].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  )
  const inodes = new Set(tables.flatMap((table) => listeningInodes(table, protocol, port)))
  if (inodes.size === 0) return undefined
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    if (!(await holdsSocket(pid, inodes))) continue
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined)
    // It may have ended between the two looks; another one may hold the socket, too.
    if (name !== undefined) return { pid: Number(pid), name: name.trim() }
  }
  return {}
}

/** Socket inodes of /proc/net/tcp (or udp) that listen on `port`. Pure. */
export function listeningInodes(table: string, protocol: Protocol, port: number): string[] {
  // TCP: state 0A is LISTEN. UDP: an unconnected socket has state 07.
  const state = protocol === 'tcp' ? '0A' : '07'
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const [, local, , stateField] = fields
    const inode = fields[9]
    return local?.endsWith(suffix) && stateField === state && inode ? [inode] : []
  })
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  // Processes of others, and ones that end meanwhile, cannot be looked into.
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    if (inode !== undefined && inodes.has(inode)) return true
  }
  return false
}

async function lsofHolder(protocol: Protocol, port: number): Promise<Holder | undefined> {
  const which = protocol === 'tcp' ? [`-iTCP:${port}`, '-sTCP:LISTEN'] : [`-iUDP:${port}`]
  return parseLsof(await run('lsof', ['-nP', ...which, '-Fpc']))
}

/** First process of `lsof -Fpc`. Pure. */
export function parseLsof(output: string): Holder | undefined {
  const pid = /^p(\d+)$/m.exec(output)?.[1]
  const name = /^c(.+)$/m.exec(output)?.[1]
  if (pid === undefined) return undefined
  return { pid: Number(pid), ...(name === undefined ? {} : { name }) }
}

async function windowsHolder(protocol: Protocol, port: number): Promise<Holder | undefined> {
  const source =
    protocol === 'tcp'
      ? `Get-NetTCPConnection -State Listen -LocalPort ${port}`
      : `Get-NetUDPEndpoint -LocalPort ${port}`
  const script = `$p=(${source}|Select-Object -First 1).OwningProcess;"$p $((Get-Process -Id $p).ProcessName)"`
  const [pid, name] = (await run('powershell', ['-NoProfile', '-Command', script])).trim().split(/\s+/)
  if (!pid || !/^\d+$/.test(pid)) return undefined
  return { pid: Number(pid), ...(name ? { name } : {}) }
}

async function run(program: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { timeout: TIMEOUT_MS, windowsHide: true })
  return stdout
}
