/** Device nodes of a container and the rules about which it may open. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeviceMapping, Resources } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'

export interface Device {
  path: string
  type: 'c' | 'b'
  major: number
  minor: number
  fileMode: number
  uid: number
  gid: number
}

/** One rule of the device cgroup, as the OCI spec writes it. */
export interface DeviceRule {
  allow: boolean
  type?: 'c' | 'b' | 'a'
  major?: number
  minor?: number
  access: string
}

/** null, zero, full, random, urandom, tty, console, ptmx and every pty; making any node, opening none else. */
const DEFAULT_RULES: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[3, 5, 7, 8, 9].map((minor) => ({ allow: true, type: 'c' as const, major: 1, minor, access: 'rwm' })),
  ...[0, 1, 2].map((minor) => ({ allow: true, type: 'c' as const, major: 5, minor, access: 'rwm' })),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
]

/** Rules of a container: everything when privileged, else the defaults, its own devices and its own rules. */
export function deviceRules(
  privileged: boolean,
  mapped: readonly MappedDevice[],
  custom: Resources['DeviceCgroupRules'],
): DeviceRule[] {
  if (privileged) return [{ allow: true, access: 'rwm' }]
  const own = mapped.map(({ device, permissions }) => ({
    allow: true,
    type: device.type,
    major: device.major,
    minor: device.minor,
    access: permissions,
  }))
  return [...DEFAULT_RULES, ...own, ...(custom ?? []).map(parseRule)]
}

/** `c 42:* rmw`. */
export function parseRule(text: string): DeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text)
  if (!match) throw new EngineError('invalid_argument', `invalid device cgroup rule format: '${text}'`)
  const [, type, major, minor, access = ''] = match
  return {
    allow: true,
    type: type as 'a' | 'b' | 'c',
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  }
}

export interface MappedDevice {
  device: Device
  permissions: string
}

/**
 * `--device`: the node as the machine has it, or, for a directory, every node below it. A missing path is
 * invalid_argument in Docker's words.
 */
export async function mapDevices(mappings: readonly DeviceMapping[]): Promise<MappedDevice[]> {
  const all: MappedDevice[] = []
  for (const { PathOnHost, PathInContainer, CgroupPermissions } of mappings) {
    const permissions = CgroupPermissions || 'rwm'
    if (!/^[rwm]{1,3}$/.test(permissions)) {
      throw new EngineError('invalid_argument', `invalid device mode: ${permissions}`)
    }
    const target = PathInContainer || PathOnHost
    const found = await devicesUnder(PathOnHost, target)
    if (found.length === 0) throw deviceError(PathOnHost, 'not a device node')
    all.push(...found.map((device) => ({ device, permissions })))
  }
  return all
}

/** Every device node of the machine, for privileged containers. ptys, shm and mqueue are the container's own. */
export async function hostDevices(): Promise<Device[]> {
  const skipped = new Set(['pts', 'shm', 'fd', 'mqueue', 'console', '.lxc', '.lxd-mounts', '.udev'])
  const entries = await readdir('/dev', { withFileTypes: true })
  const names = entries.filter((entry) => !skipped.has(entry.name) && !entry.isSymbolicLink())
  const lists = await Promise.all(names.map(({ name }) => devicesUnder(`/dev/${name}`, `/dev/${name}`)))
  return lists.flat()
}

/** Numbers of a block device that a throttle names. */
export async function blockDevice(path: string): Promise<{ major: number; minor: number }> {
  const [device] = await devicesUnder(path, path)
  if (device?.type !== 'b') throw deviceError(path, 'not a block device')
  return { major: device.major, minor: device.minor }
}

async function devicesUnder(path: string, target: string): Promise<Device[]> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw deviceError(path, cause.code === 'ENOENT' ? 'no such file or directory' : cause.message, cause)
  })
  if (found.isDirectory()) {
    const entries = await readdir(path, { withFileTypes: true })
    const inner = entries.filter(
      (entry) => entry.isDirectory() || entry.isCharacterDevice() || entry.isBlockDevice(),
    )
    const lists = await Promise.all(
      inner.map(({ name }) => devicesUnder(join(path, name), join(target, name))),
    )
    return lists.flat()
  }
  if (!found.isCharacterDevice() && !found.isBlockDevice()) return []
  return [
    {
      path: target,
      type: found.isBlockDevice() ? 'b' : 'c',
      major: majorOf(found.rdev),
      minor: minorOf(found.rdev),
      fileMode: found.mode & 0o777,
      uid: found.uid,
      gid: found.gid,
    },
  ]
}

function deviceError(path: string, why: string, cause?: unknown): EngineError {
  return new EngineError(
    'invalid_argument',
    `error gathering device information while adding custom device "${path}": ${why}`,
    { cause },
  )
}

/** dev_t of glibc's stat: 12 bits of major above 8 bits of minor, the rest of minor above those. */
const majorOf = (rdev: number): number => (rdev >>> 8) & 0xfff
const minorOf = (rdev: number): number => (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)
