/** Linux capabilities of a container, as Docker computes them. Pure. */
import { EngineError } from '../../api/errors.ts'

/** What an ordinary container may do. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

/** Every capability of Linux 6.12 (linux/capability.h), by number. */
export const ALL_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
]

const ALL = 'ALL'

/**
 * The bounding set of a container: the defaults, more `add`, less `drop`, everything when privileged. `ALL` works in
 * both lists; names come with or without `CAP_`, in any case. An unknown one is invalid_argument.
 */
export function containerCapabilities(options: {
  add?: readonly string[] | null | undefined
  drop?: readonly string[] | null | undefined
  privileged?: boolean | undefined
}): string[] {
  const add = (options.add ?? []).map(normalize)
  const drop = new Set((options.drop ?? []).map(normalize))
  if (options.privileged) return [...ALL_CAPABILITIES]
  const without = (names: readonly string[]) => names.filter((name) => !drop.has(name))
  if (add.includes(ALL)) return without(ALL_CAPABILITIES)
  const asked = new Set(add)
  if (drop.has(ALL)) return ALL_CAPABILITIES.filter((name) => asked.has(name))
  const kept = new Set([...without(DEFAULT_CAPABILITIES), ...asked])
  return ALL_CAPABILITIES.filter((name) => kept.has(name))
}

/**
 * The five sets of a process with that bounding set. Only root starts with them in effect; another user gains them
 * through set-uid programs and file capabilities, as in Docker.
 */
export function processCapabilities(bounding: readonly string[], uid: number) {
  return uid === 0
    ? { bounding: [...bounding], effective: [...bounding], permitted: [...bounding] }
    : { bounding: [...bounding] }
}

function normalize(name: string): string {
  const upper = name.trim().toUpperCase()
  if (upper === ALL || upper === 'CAP_ALL') return ALL
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`
  if (ALL_CAPABILITIES.includes(full)) return full
  throw new EngineError('invalid_argument', `unknown capability: "${full}"`)
}
