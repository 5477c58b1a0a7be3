/** Unix file modes and Go's. Pure. */
import { GoMode } from './session-messages.ts'

const SPECIAL = [
  [0o4000, GoMode.SETUID],
  [0o2000, GoMode.SETGID],
  [0o1000, GoMode.STICKY],
] as const
const TYPES = [
  [0o040000, GoMode.DIR],
  [0o120000, GoMode.SYMLINK],
  [0o010000, GoMode.PIPE],
  [0o140000, GoMode.SOCKET],
  [0o060000, GoMode.DEVICE],
  [0o020000, GoMode.DEVICE + GoMode.CHAR_DEVICE],
] as const

export type EntryType = 'file' | 'directory' | 'symlink' | 'other'

export function hasBit(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1
}

export function typeOf(mode: number): EntryType {
  if (hasBit(mode, GoMode.DIR)) return 'directory'
  if (hasBit(mode, GoMode.SYMLINK)) return 'symlink'
  const { DEVICE, PIPE, SOCKET, CHAR_DEVICE, IRREGULAR } = GoMode
  return [DEVICE, PIPE, SOCKET, CHAR_DEVICE, IRREGULAR].some((bit) => hasBit(mode, bit)) ? 'other' : 'file'
}

/** Permission bits with set-user-id, set-group-id and sticky. */
export function permissions(mode: number): number {
  return SPECIAL.reduce((sum, [unix, go]) => sum + (hasBit(mode, go) ? unix : 0), mode % 0o1000)
}

export function goMode(mode: number): number {
  const type = TYPES.find(([unix]) => (mode & 0o170000) === unix)?.[1] ?? 0
  return SPECIAL.reduce((sum, [unix, go]) => sum + (mode & unix ? go : 0), (mode & 0o777) + type)
}
