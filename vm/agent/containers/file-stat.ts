/** The `X-Docker-Container-Path-Stat` header: facts about a file as Go's os.FileMode writes them. Pure. */
import type { Stats } from 'node:fs'

const GO_MODE = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  fifo: 2 ** 25,
  socket: 2 ** 24,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  character: 2 ** 21,
  sticky: 2 ** 20,
} as const

export interface PathStat {
  name: string
  size: number
  mode: number
  mtime: string
  linkTarget: string
}

export function goMode(info: Pick<Stats, 'mode'>): number {
  const type = info.mode & 0o170000
  let mode = info.mode & 0o777
  if (type === 0o040000) mode += GO_MODE.directory
  if (type === 0o120000) mode += GO_MODE.symlink
  if (type === 0o060000) mode += GO_MODE.device
  if (type === 0o020000) mode += GO_MODE.device + GO_MODE.character
  if (type === 0o010000) mode += GO_MODE.fifo
  if (type === 0o140000) mode += GO_MODE.socket
  if (info.mode & 0o4000) mode += GO_MODE.setuid
  if (info.mode & 0o2000) mode += GO_MODE.setgid
  if (info.mode & 0o1000) mode += GO_MODE.sticky
  return mode
}

export function pathStat(name: string, info: Stats, linkTarget: string): PathStat {
  return { name, size: info.size, mode: goMode(info), mtime: info.mtime.toISOString(), linkTarget }
}
