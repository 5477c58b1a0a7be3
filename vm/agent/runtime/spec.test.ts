import { describe, expect, test } from 'vitest'
import type { ContainerConfig, HostConfig } from '../../api/containers.ts'
import { bindMount } from './mounts.ts'
import type { OciSpec } from './oci.ts'
import { buildSpec } from './spec.ts'
import type { SpecFacts } from './spec-input.ts'

const facts: SpecFacts = {
  arch: 'amd64',
  rootfs: '/var/lib/slipway/rootfs',
  hostname: '0123456789ab',
  user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
  mounts: [],
  initPath: '/usr/bin/tini-static',
  support: { ioWeight: true, swap: true },
  cpus: 2,
}

function build(
  config: ContainerConfig = {},
  hostConfig: HostConfig = {},
  more: Partial<SpecFacts> = {},
): OciSpec {
  return buildSpec({
    id: 'c0ffee',
    config: { Cmd: ['true'], ...config },
    hostConfig,
    facts: { ...facts, ...more },
  })
}

const resources = (hostConfig: HostConfig, more: Partial<SpecFacts> = {}) => {
  const { devices: _, ...rest } = build({}, hostConfig, more).linux.resources ?? {}
  return rest
}
const namespaces = (spec: OciSpec) =>
  spec.linux.namespaces.map(({ type, path }) => (path ? `${type}=${path}` : type))
const mountAt = (spec: OciSpec, path: string) => spec.mounts.find(({ destination }) => destination === path)

describe('an ordinary container', () => {
  const spec = build({
    Entrypoint: ['/init'],
    Cmd: ['a'],
    Env: ['A=1', 'PATH=/x'],
    Tty: true,
    WorkingDir: '/w',
  })

  test('its process', () => {
    expect(spec.process).toMatchObject({
      terminal: true,
      args: ['/init', 'a'],
      cwd: '/w',
      env: ['PATH=/x', 'HOSTNAME=0123456789ab', 'TERM=xterm', 'A=1', 'HOME=/root'],
      user: { uid: 0, gid: 0, additionalGids: [0] },
      noNewPrivileges: false,
      oomScoreAdj: 0,
    })
    expect(spec.process.rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 1048576, hard: 1048576 }])
  })

  test('its own namespaces, a cgroup of ours, a filter', () => {
    expect(namespaces(spec)).toEqual(['mount', 'network', 'pid', 'ipc', 'uts', 'cgroup'])
    expect(spec.linux.cgroupsPath).toBe('/slipway/c0ffee')
    expect(spec.linux.seccomp).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO' })
    expect(spec.hostname).toBe('0123456789ab')
  })

  test('its mounts and hidden paths', () => {
    expect(spec.mounts.map(({ destination }) => destination)).toEqual([
      '/proc',
      '/dev',
      '/dev/pts',
      '/sys',
      '/sys/fs/cgroup',
      '/dev/mqueue',
      '/dev/shm',
    ])
    expect(mountAt(spec, '/sys')?.options).toContain('ro')
    expect(mountAt(spec, '/dev/shm')?.options).toContain('size=67108864')
    expect(spec.linux.maskedPaths).toContain('/proc/kcore')
    expect(spec.linux.maskedPaths).toContain('/sys/devices/system/cpu/cpu1/thermal_throttle')
    expect(spec.linux.readonlyPaths).toContain('/proc/sys')
  })

  test('opens only harmless devices', () => {
    const rules = spec.linux.resources?.['devices'] as { allow: boolean; access: string }[]
    expect(rules[0]).toEqual({ allow: false, access: 'rwm' })
    expect(rules).toContainEqual({ allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' })
    expect(rules.some(({ allow, access, ...rest }) => allow && access === 'rwm' && !('major' in rest))).toBe(
      false,
    )
  })

  test('low ports and ping need no privilege', () => {
    expect(spec.linux.sysctl).toEqual({
      'net.ipv4.ip_unprivileged_port_start': '0',
      'net.ipv4.ping_group_range': '0 2147483647',
    })
  })
})

test('a privileged one sees and may do everything', () => {
  const device = {
    path: '/dev/vdb',
    type: 'b' as const,
    major: 254,
    minor: 16,
    fileMode: 0o660,
    uid: 0,
    gid: 0,
  }
  const spec = build({}, { Privileged: true, SecurityOpt: ['seccomp=builtin'] }, { hostDevices: [device] })
  expect(spec.process.capabilities?.bounding).toHaveLength(41)
  expect(spec.linux).toMatchObject({ maskedPaths: [], readonlyPaths: [], devices: [device] })
  expect(spec.linux.resources?.['devices']).toEqual([{ allow: true, access: 'rwm' }])
  expect(spec.linux.seccomp).toBeUndefined()
  expect(mountAt(spec, '/sys')?.options).toContain('rw')
  expect(mountAt(spec, '/sys/fs/cgroup')?.options).toContain('rw')
})

describe('namespace modes', () => {
  test('of the machine', () => {
    const spec = build(
      {},
      { NetworkMode: 'host', PidMode: 'host', IpcMode: 'host', UTSMode: 'host', CgroupnsMode: 'host' },
    )
    expect(namespaces(spec)).toEqual(['mount'])
    expect(spec.hostname).toBeUndefined()
    expect(spec.linux.sysctl).toEqual({})
  })

  test("of another container's", () => {
    const join = { network: '/proc/7/ns/net', pid: '/proc/7/ns/pid', ipc: '/proc/7/ns/ipc' }
    const modes = { NetworkMode: 'container:x', PidMode: 'container:x', IpcMode: 'container:x' }
    const spec = build({}, modes, { join, shmPath: '/run/shm' })
    expect(namespaces(spec)).toEqual([
      'mount',
      'network=/proc/7/ns/net',
      'pid=/proc/7/ns/pid',
      'ipc=/proc/7/ns/ipc',
      'uts',
      'cgroup',
    ])
    expect(mountAt(spec, '/dev/shm')).toMatchObject({ type: 'bind', source: '/run/shm' })
  })

  test('of one that does not run is refused', () => {
    expect(() => build({}, { PidMode: 'container:gone' })).toThrow(
      'cannot join pid namespace of gone: not running',
    )
  })
})

describe('limits', () => {
  test.each<[HostConfig, Record<string, unknown>]>([
    [{}, {}],
    [{ Memory: 1000 }, { memory: { limit: 1000, swap: 2000 } }],
    [
      { Memory: 1000, MemorySwap: 1000, MemoryReservation: 500 },
      { memory: { limit: 1000, swap: 1000, reservation: 500 } },
    ],
    [{ Memory: 1000, MemorySwap: -1 }, { memory: { limit: 1000, swap: -1 } }],
    [{ NanoCpus: 1.5e9, CpuShares: 512 }, { cpu: { quota: 150000, period: 100000, shares: 512 } }],
    [
      { CpuQuota: 5000, CpuPeriod: 20000, CpusetCpus: '0-1', CpusetMems: '0' },
      { cpu: { quota: 5000, period: 20000, cpus: '0-1', mems: '0' } },
    ],
    [{ PidsLimit: 100 }, { pids: { limit: 100 } }],
    [{ PidsLimit: 0 }, {}],
    [{ PidsLimit: -1 }, { pids: { limit: -1 } }],
    [{ BlkioWeight: 300 }, { blockIO: { weight: 300 } }],
    [
      { BlkioDeviceReadBps: [{ Path: '/dev/vdb', Rate: 1024 }] },
      { blockIO: { throttleReadBpsDevice: [{ major: 254, minor: 16, rate: 1024 }] } },
    ],
  ])('%j', (hostConfig, expected) => {
    expect(resources(hostConfig, { blockDevices: { '/dev/vdb': { major: 254, minor: 16 } } })).toEqual(
      expected,
    )
  })

  test('what the kernel cannot do is left out', () => {
    const support = { ioWeight: false, swap: false }
    expect(resources({ Memory: 1000, BlkioWeight: 300 }, { support })).toEqual({ memory: { limit: 1000 } })
  })

  test('ulimits, -1 is unlimited', () => {
    const { rlimits } = build(
      {},
      {
        Ulimits: [
          { Name: 'core', Soft: -1, Hard: -1 },
          { Name: 'nofile', Soft: 5, Hard: 9 },
        ],
      },
    ).process
    expect(rlimits).toEqual([
      { type: 'RLIMIT_CORE', soft: Number.MAX_SAFE_INTEGER, hard: Number.MAX_SAFE_INTEGER },
      { type: 'RLIMIT_NOFILE', soft: 5, hard: 9 },
    ])
    expect(() => build({}, { Ulimits: [{ Name: 'core', Soft: 9, Hard: 5 }] })).toThrow(
      'must be less than or equal',
    )
  })
})

describe('mounts', () => {
  test('own ones replace defaults and come parents first', () => {
    const mounts = [
      bindMount('/v/b', '/data/inner'),
      bindMount('/v/a', '/data'),
      bindMount('/v/shm', '/dev/shm/'),
    ]
    const spec = build({}, { Tmpfs: { '/run': 'size=5m,exec' } }, { mounts })
    const own = spec.mounts.slice(6).map(({ destination }) => destination)
    expect(own).toEqual(['/data', '/run', '/data/inner', '/dev/shm/'])
    expect(mountAt(spec, '/dev/shm')).toBeUndefined()
    expect(mountAt(spec, '/run')?.options).toEqual(['nosuid', 'nodev', 'size=5m', 'exec'])
  })

  test('propagation reaches the root', () => {
    expect(build().linux.rootfsPropagation).toBeUndefined()
    const shared = [bindMount('/a', '/a', { propagation: 'rshared' })]
    expect(build({}, {}, { mounts: shared }).linux.rootfsPropagation).toBe('shared')
    const slave = [bindMount('/a', '/a', { propagation: 'slave', readonly: true })]
    const spec = build({}, {}, { mounts: slave })
    expect([spec.linux.rootfsPropagation, mountAt(spec, '/a')?.options]).toEqual([
      'rslave',
      ['rbind', 'ro', 'rro', 'slave'],
    ])
  })

  test('an unknown tmpfs option is refused', () => {
    expect(() => build({}, { Tmpfs: { '/run': 'colour=red' } })).toThrow('invalid tmpfs option "colour=red"')
  })
})

test('init runs the command', () => {
  const spec = build({ Cmd: ['sleep', '1'] }, { Init: true })
  expect(spec.process.args).toEqual(['/sbin/docker-init', '--', 'sleep', '1'])
  expect(mountAt(spec, '/sbin/docker-init')).toMatchObject({ source: '/usr/bin/tini-static' })
})

test('devices are made and may be opened', () => {
  const device = {
    path: '/dev/x',
    type: 'c' as const,
    major: 10,
    minor: 200,
    fileMode: 0o600,
    uid: 0,
    gid: 0,
  }
  const spec = build({}, { DeviceCgroupRules: ['b 8:* r'] }, { devices: [{ device, permissions: 'rw' }] })
  expect(spec.linux.devices).toEqual([device])
  expect(spec.linux.resources?.['devices']).toEqual(
    expect.arrayContaining([
      { allow: true, type: 'c', major: 10, minor: 200, access: 'rw' },
      { allow: true, type: 'b', major: 8, access: 'r' },
    ]),
  )
})

test.each<[HostConfig, string]>([
  [{ DeviceCgroupRules: ['x 1:2 r'] }, "invalid device cgroup rule format: 'x 1:2 r'"],
  [{ SecurityOpt: ['colour'] }, 'invalid --security-opt 1: "colour"'],
  [{ SecurityOpt: ['colour=red'] }, 'invalid --security-opt 2: "colour=red"'],
  [{ SecurityOpt: ['writable-cgroups=maybe'] }, 'invalid --security-opt 2: "writable-cgroups=maybe"'],
  [{ SecurityOpt: ['apparmor=mine'] }, 'invalid --security-opt "apparmor=mine": AppArmor is not enabled'],
  [{ CgroupParent: '../..' }, 'invalid cgroup-parent "../..": may not contain ".."'],
  [{ CapAdd: ['nope'] }, 'unknown capability: "CAP_NOPE"'],
])('%j is refused', (hostConfig, message) => {
  expect(() => build({}, hostConfig)).toThrow(message)
})

test('no command is refused', () => {
  expect(() => build({ Cmd: [] })).toThrow('no command specified')
})

test('security options', () => {
  const spec = build(
    {},
    { SecurityOpt: ['no-new-privileges', 'seccomp=unconfined', 'apparmor=unconfined', 'label=disable'] },
  )
  expect([spec.process.noNewPrivileges, spec.linux.seccomp]).toEqual([true, undefined])
  expect(build({}, { SecurityOpt: ['no-new-privileges:false'] }).process.noNewPrivileges).toBe(false)
})

test.each<[HostConfig, string]>([
  [{}, 'ro'],
  [{ Privileged: true }, 'rw'],
  [{ SecurityOpt: ['writable-cgroups'] }, 'rw'],
  [{ Privileged: true, SecurityOpt: ['writable-cgroups=false'] }, 'ro'],
])('control groups of %j are mounted %s', (hostConfig, access) => {
  const mount = build({}, hostConfig).mounts.find(({ destination }) => destination === '/sys/fs/cgroup')
  expect(mount?.options?.[0]).toBe(access)
})

test('paths, sysctls and root of the user', () => {
  const spec = build(
    {},
    {
      MaskedPaths: [],
      ReadonlyPaths: ['/x'],
      ReadonlyRootfs: true,
      Sysctls: { a: 'b', 'net.ipv4.ip_unprivileged_port_start': '80' },
    },
  )
  expect(spec.root.readonly).toBe(true)
  expect(spec.linux).toMatchObject({ maskedPaths: [], readonlyPaths: ['/x'] })
  expect(spec.linux.sysctl).toMatchObject({ a: 'b', 'net.ipv4.ip_unprivileged_port_start': '80' })
})
