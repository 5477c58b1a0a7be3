import { describe, expect, it, test } from 'vitest'
import { parseBind } from './bind-spec.ts'
import { DetachScanner, parseDetachKeys } from './detach-keys.ts'
import { goMode } from './file-stat.ts'
import { checkDeviceRequests, checkHostConfig, parseLogSize, withDefaults } from './host-config.ts'
import { commandText } from './inspection.ts'
import { mergeConfig } from './merge.ts'
import { checkName, randomName } from './names.ts'
import { bindingsOf, portMap, wantedPorts } from './port-spec.ts'
import { BackOff, shouldRestart, startsAtBoot } from './restart-policy.ts'
import { shownHostConfig } from './shown-config.ts'
import { parseSignal } from './signals.ts'
import { newState, transition } from './state.ts'
import { humanDuration, statusText } from './status-text.ts'
import { goDuration, rfc3339 } from './timestamps.ts'
import { columnsOf, parseProcess } from './top.ts'

describe('status text', () => {
  it.each([
    [0, 'Less than a second'],
    [1000, '1 second'],
    [59_000, '59 seconds'],
    [60_000, 'About a minute'],
    [119_000, 'About a minute'],
    [120_000, '2 minutes'],
    [3_600_000, 'About an hour'],
    [5_400_000, '2 hours'],
    [48 * 3_600_000, '2 days'],
    [14 * 24 * 3_600_000, '2 weeks'],
    [60 * 24 * 3_600_000, '2 months'],
    [800 * 24 * 3_600_000, '2 years'],
  ])('%i ms is %s', (ms, text) => expect(humanDuration(ms)).toBe(text))

  it('tells state, health and exit code', () => {
    const at = '2026-01-01T00:00:00.123456789Z'
    const now = Date.parse('2026-01-01T00:00:07.200Z')
    const up = transition(newState(), { type: 'started', pid: 1, at })
    const health = (Status: 'starting' | 'unhealthy') => ({ Status, FailingStreak: 0, Log: [] })
    expect(statusText(newState(), undefined, now)).toBe('Created')
    expect(statusText(up, undefined, now)).toBe('Up 7 seconds')
    expect(statusText(up, health('starting'), now)).toBe('Up 7 seconds (health: starting)')
    expect(statusText(up, health('unhealthy'), now)).toBe('Up 7 seconds (unhealthy)')
    expect(statusText(transition(up, { type: 'paused' }), undefined, now)).toBe('Up 7 seconds (Paused)')
    const exit = { type: 'exited', exitCode: 3, oomKilled: false, at } as const
    expect(statusText(transition(up, { ...exit, restarting: false }), undefined, now)).toBe(
      'Exited (3) 7 seconds ago',
    )
    expect(statusText(transition(up, { ...exit, restarting: true }), undefined, now)).toBe(
      'Restarting (3) 7 seconds ago',
    )
  })

  it('writes times as Go does', () => {
    expect(rfc3339(1_700_000_000_120_000_000n)).toBe('2023-11-14T22:13:20.12Z')
    expect(rfc3339(1_700_000_000_000_000_000n)).toBe('2023-11-14T22:13:20Z')
    expect([0, 50, 1500, 120_000, 3_605_000].map(goDuration)).toEqual([
      '0s',
      '50ms',
      '1.5s',
      '2m0s',
      '1h0m5s',
    ])
  })
})

describe('names', () => {
  it('takes what Docker takes and says its words', () => {
    expect(checkName('/web-1.x_y')).toBe('web-1.x_y')
    for (const bad of ['bad/name', 'a', '-a', 'ä', 'a b']) {
      expect(() => checkName(bad)).toThrow(
        `Invalid container name (${bad}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      )
    }
  })

  it('finds a free random one', () => {
    const taken = new Set<string>()
    for (let i = 0; i < 300; i++) taken.add(randomName((name) => taken.has(name)))
    expect(taken.size).toBe(300)
    for (const name of taken) expect(checkName(name)).toBe(name)
  })
})

describe('binds', () => {
  it('reads every form', () => {
    expect(parseBind('/data')).toMatchObject({ source: '', destination: '/data' })
    expect(parseBind('vol:/d/')).toMatchObject({ source: 'vol', destination: '/d', readOnly: false })
    expect(parseBind('/src/../x:/d:ro,z')).toMatchObject({ source: '/x', readOnly: true })
    expect(parseBind('vol:/d:nocopy')).toMatchObject({ noCopy: true })
    expect(parseBind('/src:/d:rslave')).toMatchObject({ propagation: 'rslave' })
  })

  it.each([
    ['relative:/x:badmode', 'invalid mode: badmode'],
    ['/a:/b:ro,rw', 'invalid mode: ro,rw'],
    ['/a:/b:c:d', "invalid volume specification: '/a:/b:c:d'"],
    [':/b', "invalid volume specification: ':/b'"],
    ['/a:/', "destination can't be '/'"],
    ['/a:b', "invalid mount path: 'b' mount path must be absolute"],
    ['/a:/b:nocopy', 'invalid mount config for type "bind": field VolumeOptions must not be specified'],
    ['vol:/b:rshared', 'invalid mount config for type "volume": field BindOptions must not be specified'],
    ['v:/b', 'create v: volume name is too short, names should be at least two alphanumeric characters'],
    ['../x:/b', 'includes invalid characters for a local volume name'],
  ])('%s is refused', (spec, message) => expect(() => parseBind(spec)).toThrow(message))
})

describe('detach keys', () => {
  it('finds the sequence across chunks and passes the rest on', () => {
    const scanner = new DetachScanner(parseDetachKeys(''))
    expect(scanner.push(Buffer.from('a\x10'))).toEqual({ pass: Buffer.from('a'), detached: false })
    expect(scanner.push(Buffer.from('b'))).toEqual({ pass: Buffer.from('\x10b'), detached: false })
    expect(scanner.push(Buffer.from('\x10\x10\x11x'))).toEqual({ pass: Buffer.from('\x10'), detached: true })
  })

  it('reads sequences and refuses others in Docker\u2019s words', () => {
    expect(parseDetachKeys('ctrl-a,a')).toEqual([1, 97])
    expect(parseDetachKeys('ctrl-@,ctrl-_')).toEqual([0, 31])
    expect(() => parseDetachKeys('ctrl-aa')).toThrow('Invalid detach keys (ctrl-aa) provided')
  })
})

describe('restart policies', () => {
  it('decides by exit code, count and hand', () => {
    expect(shouldRestart({ Name: 'always' }, 0, 99)).toBe(true)
    expect(shouldRestart({ Name: 'on-failure', MaximumRetryCount: 2 }, 1, 1)).toBe(true)
    expect(shouldRestart({ Name: 'on-failure', MaximumRetryCount: 2 }, 1, 2)).toBe(false)
    expect(shouldRestart({ Name: 'on-failure' }, 0, 0)).toBe(false)
    expect(shouldRestart(undefined, 1, 0)).toBe(false)
  })

  it('brings back at boot what the machine stopped, not what the user did', () => {
    const ended = { startedBefore: true, stoppedByHand: false, exitCode: 255, restarts: 0 }
    const stopped = { ...ended, stoppedByHand: true }
    expect(startsAtBoot({ Name: 'unless-stopped' }, { ...ended, exitCode: 0 })).toBe(true)
    expect(startsAtBoot({ Name: 'unless-stopped' }, stopped)).toBe(false)
    expect(startsAtBoot({ Name: 'always' }, stopped)).toBe(true)
    expect(startsAtBoot({ Name: 'always' }, { ...ended, startedBefore: false })).toBe(false)
    expect(startsAtBoot({ Name: 'on-failure', MaximumRetryCount: 2 }, { ...ended, restarts: 2 })).toBe(false)
    expect(startsAtBoot({ Name: 'no' }, ended)).toBe(false)
  })

  it('backs off to a minute and begins anew after a good run', () => {
    const backOff = new BackOff()
    expect([0, 0, 0].map((ran) => backOff.next(ran))).toEqual([100, 200, 400])
    for (let i = 0; i < 20; i++) backOff.next(0)
    expect(backOff.next(0)).toBe(60_000)
    expect(backOff.next(10_000)).toBe(100)
  })
})

describe('ports', () => {
  it('wants what is bound and, with PublishAllPorts, what is exposed', () => {
    const wanted = wantedPorts(
      { ExposedPorts: { '80/tcp': {}, '53/udp': {} } },
      { PortBindings: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080-8082' }] }, PublishAllPorts: true },
    )
    expect(wanted).toEqual([
      { containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080, hostPortEnd: 8082 },
      { containerPort: 53, protocol: 'udp', hostIp: '', hostPort: 0 },
    ])
    const ports = [{ containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 8080 }] as const
    expect(portMap({ ExposedPorts: { '80/tcp': {}, '81': {} } }, ports)).toEqual({
      '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
      '81/tcp': null,
    })
    expect(bindingsOf(ports)).toEqual({ '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] })
  })

  it.each(['0/tcp', '65536', 'x', '80/icmp', '80/sctp'])('%s is refused', (key) => {
    expect(() => wantedPorts({}, { PortBindings: { [key]: [] } })).toThrow(/invalid p/)
  })
})

test.each([
  [{ path: 'sh', args: ['-c', 'echo hi'] }, "sh -c 'echo hi'"],
  [{ path: 'sleep', args: ['5'] }, 'sleep 5'],
  [{ path: 'sh', args: [] }, 'sh'],
])('%j is listed as %s', (record, text) => {
  expect(commandText(record)).toBe(text)
})

describe('host configuration', () => {
  it.each<[string, Parameters<typeof checkHostConfig>[0], string]>([
    ['memory', { Memory: 1024 }, 'Minimum memory limit allowed is 6MB'],
    ['swap', { MemorySwap: 1e9 }, 'You should always set the Memory limit'],
    ['policy', { RestartPolicy: { Name: 'sometimes' as 'no' } }, "unknown policy 'sometimes'"],
    [
      'auto-remove',
      { AutoRemove: true, RestartPolicy: { Name: 'always' } },
      "can't create 'AutoRemove' container",
    ],
    ['log driver', { LogConfig: { Type: 'syslog' } }, "no log driver named 'syslog'"],
    [
      'log plugin',
      { LogConfig: { Type: 'nope' } },
      'error looking up logging plugin nope: plugin "nope" not found',
    ],
    ['log option', { LogConfig: { Type: 'json-file', Config: { colour: 'x' } } }, "unknown log opt 'colour'"],
    ['shares', { CpuShares: -1 }, 'invalid CPU shares (-1): value must be a positive integer'],
    ['nodes', { CpusetMems: '7' }, 'Requested memory nodes are not available - requested 7, available: 0'],
    ['cpuset', { CpusetCpus: 'x' }, 'Invalid value x for cpuset cpus: invalid format: x'],
    ['host', { ExtraHosts: ['a:b'] }, 'invalid IP address in add-host: "b"'],
    ['host without a colon', { ExtraHosts: ['a=1.2.3.4'] }, 'bad format for add-host: "a=1.2.3.4"'],
    ['annotation', { Annotations: { '': 'x' } }, 'invalid Annotations: the empty string is not permitted'],
    ['log mode', { LogConfig: { Config: { mode: 'maybe' } } }, 'logger: logging mode not supported: maybe'],
    [
      'log buffer',
      { LogConfig: { Config: { 'max-buffer-size': '1m' } } },
      "max-buffer-size option is only supported with 'mode=non-blocking'",
    ],
    ['ipc', { IpcMode: 'x' }, 'invalid IPC mode: x'],
    ['runtime', { Runtime: 'kata' }, 'unknown or invalid runtime name: kata'],
    ['real-time', { CpuRealtimeRuntime: 5 }, 'CpuRealtimeRuntime'],
    ['windows', { CpuPercent: 5 }, 'CpuPercent'],
    ['storage', { StorageOpt: { size: '1G' } }, '--storage-opt'],
  ])('%s is refused by name', (_field, host, message) => {
    expect(() => checkHostConfig(host)).toThrow(message)
  })

  it('warns of what has no effect', () => {
    expect(checkHostConfig({ OomKillDisable: true })).toHaveLength(1)
    expect(withDefaults({ OomKillDisable: true, MemorySwappiness: 50 })).not.toHaveProperty(
      'MemorySwappiness',
    )
    expect(checkHostConfig({ NetworkMode: 'host', PortBindings: { '80/tcp': [] } })).toEqual([
      'Published ports are discarded when using host network mode',
    ])
    expect(checkHostConfig({ BlkioWeight: 5 }, { ioWeight: false })).toEqual([
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    ])
  })

  it('takes what compose files and clients often carry', () => {
    const LogConfig = { Type: 'json-file', Config: { mode: 'non-blocking', 'max-buffer-size': '4m' } }
    const ExtraHosts = ['a:host-gateway', 'b:::1', 'c:[::1]', 'd:1.2.3.4']
    expect(checkHostConfig({ LogConfig, ExtraHosts })).toEqual([])
    expect(checkHostConfig({ LogConfig: { Type: 'none', Config: { anything: 'x' } } })).toEqual([])
  })

  it('is shown with every member, null where nothing was asked', () => {
    expect(shownHostConfig(withDefaults({ Memory: 1e8 }), 2)).toMatchObject({
      Binds: null,
      CapAdd: null,
      PortBindings: null,
      Memory: 1e8,
      MemorySwap: 2e8,
      MemorySwappiness: null,
      UTSMode: '',
      ReadonlyPaths: expect.arrayContaining(['/proc/sys']),
    })
    expect(shownHostConfig({ Privileged: true }, 2)).toMatchObject({ MaskedPaths: null, ReadonlyPaths: null })
  })

  it('refuses GPUs when the container starts', () => {
    expect(() => checkDeviceRequests({ DeviceRequests: [{ Driver: '', Capabilities: [['gpu']] }] })).toThrow(
      'could not select device driver "" with capabilities: [[gpu]]',
    )
  })

  it('reads sizes', () => {
    expect([parseLogSize('10m'), parseLogSize('1.5k'), parseLogSize('7')]).toEqual([10 * 2 ** 20, 1536, 7])
  })
})

describe('image defaults', () => {
  const image = {
    Cmd: ['serve'],
    Entrypoint: ['/run'],
    Env: ['A=1', 'B=2'],
    WorkingDir: '/w',
    Labels: { l: '1' },
    User: 'u',
  }

  it('fills in what the container leaves open', () => {
    expect(mergeConfig({ Env: ['A=9'] }, image)).toMatchObject({
      Cmd: ['serve'],
      Entrypoint: ['/run'],
      Env: ['A=9', 'B=2'],
      WorkingDir: '/w',
      User: 'u',
    })
  })

  it('drops the image\u2019s Cmd with its entrypoint', () => {
    expect(mergeConfig({ Entrypoint: ['x'] }, image)).toMatchObject({ Entrypoint: ['x'] })
    expect(mergeConfig({ Entrypoint: ['x'] }, image).Cmd).toBeUndefined()
    expect(mergeConfig({ Entrypoint: [''], Cmd: ['y'] }, image)).toMatchObject({
      Entrypoint: null,
      Cmd: ['y'],
    })
  })
})

describe('small things', () => {
  it('reads signals', () => {
    expect(['TERM', 'sigkill', '15', 'RTMIN+3'].map(parseSignal)).toEqual([15, 9, 15, 37])
    expect(() => parseSignal('NOPE')).toThrow('invalid signal: NOPE')
  })

  it('writes modes as Go does', () => {
    expect(goMode({ mode: 0o100644 })).toBe(0o644)
    expect(goMode({ mode: 0o040755 })).toBe(2147484141)
    expect(goMode({ mode: 0o120777 })).toBe(134218239)
    expect(goMode({ mode: 0o104755 })).toBe(8389101)
  })

  it('knows the columns of ps', () => {
    expect(
      columnsOf('')
        .map((c) => c.title)
        .join(' '),
    ).toBe('UID PID PPID C STIME TTY TIME CMD')
    expect(columnsOf('-o pid,comm').map((c) => c.title)).toEqual(['PID', 'COMMAND'])
    for (const args of [
      '-eo pid,user',
      '-eopid,user',
      '-Ao pid,user',
      'o pid,user',
      'axo pid,user',
      '--format=pid,user',
    ])
      expect(columnsOf(args).map((c) => c.title)).toEqual(['PID', 'USER'])
    expect(columnsOf('aux')[0]?.title).toBe('USER')
    expect(() => columnsOf('-o nope')).toThrow('unknown user-defined format specifier "nope"')
  })

  it('shows a process as ps does', () => {
    const stat = '7 (my (odd) name) S 1 7 7 34816 7 0 0 0 0 0 6100 50 0 0 20 5 3 0 1000 2097152 100'
    const status = 'Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n'
    const boot = 1_700_000_000
    const names = { user: new Map([[0, 'root']]), group: new Map<number, string>() }
    const process = parseProcess(7, { stat, status, cmdline: 'sleep\x005\0' }, boot, names)
    const row = (args: string, now: number) => columnsOf(args).map(({ value }) => value(process, now))
    const started = boot * 1000 + 10_000
    expect(row('-o user,pid,stat,s,bsdtime,time,args', started)).toEqual([
      'root',
      '7',
      'SNsl+',
      'S',
      '1:01',
      '00:01:01',
      'sleep 5',
    ])
    expect(row('-o pid,stime', started + 60_000)).toEqual(['7', '22:13'])
    expect(row('-o pid,stime', started + 2 * 86_400_000)).toEqual(['7', 'Nov14'])
  })
})
