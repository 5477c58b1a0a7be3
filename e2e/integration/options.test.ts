import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
  await c.ok('pull', '-q', 'busybox')
  await c.ok(
    'run',
    '-d',
    '--name',
    'donor',
    '--ipc',
    'shareable',
    '-v',
    '/shared',
    'busybox',
    'sleep',
    '100000',
  )
})
afterAll(() => c.clean('donor', 'opt'))

/** What a one-off container with these flags prints. */
function inside(flags: string[], script: string): Promise<string> {
  return c.ok('run', '--rm', ...flags, 'busybox', 'sh', '-c', script)
}

/** `POST /containers/create` with a body that the CLI would not send. */
function create(
  body: object,
  path = '/v1.47/containers/create',
): Promise<{ status: number; message: string }> {
  return new Promise((resolve, reject) => {
    const socketPath = join(c.home, 'docker.sock')
    const headers = { 'content-type': 'application/json' }
    const message = request({ socketPath, path, method: 'POST', headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, message: JSON.parse(text || '{}').message ?? text }),
      )
    })
    message.on('error', reject)
    message.end(JSON.stringify(body))
  })
}

type Row = [name: string, flags: string[], script: string, wanted: string | RegExp]

const WORKS: Row[] = [
  [
    'user and groups',
    ['-u', '1000:1001', '--group-add', '20', '--group-add', '21'],
    'id -u; id -g; id -G',
    /^1000\n1001\n1001 20 21/,
  ],
  ['workdir is made', ['-w', '/new/place'], 'pwd', '/new/place'],
  ['environment', ['-e', 'A=1', '-e', 'PATH=/bin'], 'echo $A $PATH', '1 /bin'],
  [
    'host and domain name',
    ['-h', 'boat', '--domainname', 'sea.test'],
    'hostname; cat /proc/sys/kernel/domainname',
    'boat\nsea.test',
  ],
  ['entrypoint', ['--entrypoint', 'echo'], 'x', 'sh -c x'],
  ['init', ['--init'], 'cat /proc/1/comm', /init|tini|catatonit/],
  [
    'read-only root',
    ['--read-only', '--tmpfs', '/w'],
    'touch /x 2>/dev/null || echo no; touch /w/x && echo yes',
    'no\nyes',
  ],
  [
    'tmpfs with options',
    ['--tmpfs', '/w:size=1m,mode=700'],
    'stat -c %a /w; df -k /w | awk "END {print \\$2}"',
    '700\n1024',
  ],
  ['shm size', ['--shm-size', '8m'], 'df -k /dev/shm | awk "END {print \\$2}"', '8192'],
  ['ulimits', ['--ulimit', 'nofile=100:200'], 'ulimit -Sn; ulimit -Hn', '100\n200'],
  [
    'sysctls',
    ['--sysctl', 'net.ipv4.ip_forward=1', '--sysctl', 'kernel.msgmax=4096'],
    'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax',
    '1\n4096',
  ],
  ['capability added', ['--cap-add', 'SYS_TIME'], 'grep CapEff /proc/self/status', /00000000aa0425fb$/],
  [
    'capabilities dropped',
    ['--cap-drop', 'ALL', '--cap-add', 'CHOWN'],
    'grep CapEff /proc/self/status',
    /0000000000000001$/,
  ],
  [
    'privileged',
    ['--privileged'],
    'ls /dev/vda >/dev/null && mkdir -p /mnt && mount -t tmpfs x /mnt && grep -c Seccomp_filters:.*0 /proc/self/status',
    '1',
  ],
  ['seccomp default', [], 'grep ^Seccomp: /proc/self/status', /2$/],
  ['seccomp unconfined', ['--security-opt', 'seccomp=unconfined'], 'grep ^Seccomp: /proc/self/status', /0$/],
  ['no-new-privileges', ['--security-opt', 'no-new-privileges'], 'grep NoNewPrivs /proc/self/status', /1$/],
  ['device', ['--device', '/dev/vda:/dev/disk:r'], 'ls -l /dev/disk | cut -c1', 'b'],
  [
    'memory',
    ['-m', '64m', '--memory-reservation', '32m', '--memory-swap', '64m'],
    'cd /sys/fs/cgroup; cat memory.max memory.low',
    '67108864\n33554432',
  ],
  ['cpus', ['--cpus', '1.5'], 'cat /sys/fs/cgroup/cpu.max', '150000 100000'],
  [
    'cpu quota and period',
    ['--cpu-quota', '20000', '--cpu-period', '50000'],
    'cat /sys/fs/cgroup/cpu.max',
    '20000 50000',
  ],
  ['cpu shares', ['--cpu-shares', '512'], 'cat /sys/fs/cgroup/cpu.weight', /^(20|59)$/],
  [
    'cpuset',
    ['--cpuset-cpus', '0', '--cpuset-mems', '0'],
    'cd /sys/fs/cgroup; cat cpuset.cpus cpuset.mems',
    '0\n0',
  ],
  ['pids', ['--pids-limit', '42'], 'cat /sys/fs/cgroup/pids.max', '42'],
  ['oom score', ['--oom-score-adj', '300'], 'cat /proc/1/oom_score_adj', '300'],
  ['pid mode host', ['--pid', 'host'], 'cat /proc/1/comm', /init|busybox/],
  ['pid mode of a container', ['--pid', 'container:donor'], 'cat /proc/1/comm', 'sleep'],
  ['uts mode host', ['--uts', 'host'], 'hostname', 'slipway'],
  ['cgroup namespace host', ['--cgroupns', 'host'], 'cat /proc/self/cgroup', /slipway\/[0-9a-f]{64}/],
  ['cgroup namespace private', ['--cgroupns', 'private'], 'cat /proc/self/cgroup', '0::/'],
  ['ipc none', ['--ipc', 'none'], 'test -e /dev/shm || echo none', 'none'],
  ['extra hosts', ['--add-host', 'db:10.1.2.3'], 'grep db /etc/hosts', '10.1.2.3\tdb'],
  [
    'dns options',
    ['--dns', '9.9.9.9', '--dns-search', 'corp.test', '--dns-option', 'ndots:3'],
    'grep -v "^#" /etc/resolv.conf',
    /nameserver 9\.9\.9\.9\nsearch corp\.test\noptions ndots:3/,
  ],
  ['volumes-from', ['--volumes-from', 'donor:ro'], 'touch /shared/x 2>/dev/null || echo ro', 'ro'],
  ['stop signal and timeout', ['--stop-signal', 'USR1', '--stop-timeout', '3'], 'echo ok', 'ok'],
  ['labels', ['--label', 'a=b'], 'echo ok', 'ok'],
  [
    'mount of type tmpfs',
    ['--mount', 'type=tmpfs,target=/w,tmpfs-size=1m,tmpfs-mode=0750'],
    'stat -c %a /w',
    '750',
  ],
  [
    'mount of type bind',
    ['--mount', 'type=bind,source=/etc/hostname,target=/h,readonly'],
    'cat /h; echo x 2>/dev/null >/h || echo ro',
    'slipway\nro',
  ],
  ['mount of type volume', ['--mount', 'type=volume,target=/v'], 'grep -c " /v " /proc/mounts', '1'],
  [
    'mount of type image',
    ['--mount', 'type=image,source=busybox,target=/i'],
    'ls /i/bin/sh; touch /i/x 2>/dev/null || echo ro',
    '/i/bin/sh\nro',
  ],
]

test.each(WORKS)('%s', async (_name, flags, script, wanted) => {
  const out = await inside(flags, script)
  if (typeof wanted === 'string') expect(out).toBe(wanted)
  else expect(out).toMatch(wanted)
})

type Refusal = [name: string, body: object, status: number, message: string]

const host = (HostConfig: object) => ({ Image: 'busybox', HostConfig })

const REFUSED: Refusal[] = [
  ['memory', host({ Memory: 1000 }), 400, 'Minimum memory limit allowed is 6MB'],
  [
    'swap without memory',
    host({ MemorySwap: 1e9 }),
    400,
    'You should always set the Memory limit when using Memoryswap limit, see usage',
  ],
  [
    'cpus',
    host({ NanoCpus: 99e9 }),
    400,
    'range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available',
  ],
  [
    'cpuset',
    host({ CpusetCpus: '7' }),
    400,
    'Requested CPUs are not available - requested 7, available: 0-1',
  ],
  ['blkio weight', host({ BlkioWeight: 5 }), 400, 'Range of blkio weight is from 10 to 1000'],
  [
    'restart policy',
    host({ RestartPolicy: { Name: 'maybe' } }),
    400,
    "invalid restart policy: unknown policy 'maybe'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
  ],
  [
    'auto-remove with restart',
    host({ AutoRemove: true, RestartPolicy: { Name: 'always' } }),
    400,
    "can't create 'AutoRemove' container with restart policy",
  ],
  ['ipc mode', host({ IpcMode: 'maybe' }), 400, 'invalid IPC mode: maybe'],
  ['pid mode', host({ PidMode: 'maybe' }), 400, 'invalid PID mode: maybe'],
  ['uts mode', host({ UTSMode: 'maybe' }), 400, 'invalid UTS mode: maybe'],
  ['cgroup namespace', host({ CgroupnsMode: 'maybe' }), 400, 'invalid cgroup namespace mode: maybe'],
  ['capability', host({ CapAdd: ['FLY'] }), 400, 'invalid CapAdd: unknown capability: "CAP_FLY"'],
  ['security option', host({ SecurityOpt: ['colour=blue'] }), 500, 'colour=blue'],
  [
    'log driver',
    host({ LogConfig: { Type: 'syslogd' } }),
    400,
    'error looking up logging plugin syslogd: plugin "syslogd" not found',
  ],
  [
    'log option',
    host({ LogConfig: { Type: 'json-file', Config: { colour: 'blue' } } }),
    400,
    "unknown log opt 'colour' for json-file log driver",
  ],
  ['storage option', host({ StorageOpt: { size: '1G' } }), 500, 'storage-opt'],
  ['runtime', host({ Runtime: 'kata' }), 400, 'unknown or invalid runtime name: kata'],
  [
    'oom score',
    host({ OomScoreAdj: 2000 }),
    400,
    'Invalid value 2000, range for oom score adj is [-1000, 1000]',
  ],
  ['shm size', host({ ShmSize: -1 }), 400, 'SHM size can not be less than 0'],
  ['extra host', host({ ExtraHosts: ['nothing'] }), 400, 'bad format for add-host: "nothing"'],
  [
    'mount type',
    host({ Mounts: [{ Type: 'npipe', Target: '/x' }] }),
    400,
    'invalid mount config for type "npipe"',
  ],
  [
    'mount target',
    host({ Mounts: [{ Type: 'bind', Source: '/etc', Target: '' }] }),
    400,
    'invalid mount config for type "bind": field Target must not be empty',
  ],
  [
    'bind source',
    host({ Mounts: [{ Type: 'bind', Source: '/nowhere', Target: '/x' }] }),
    400,
    'invalid mount config for type "bind": bind source path does not exist: /nowhere',
  ],
  ['bind string', host({ Binds: ['/a:/b:xx'] }), 500, 'invalid mode: xx'],
  ['variable', { Image: 'busybox', Env: ['=x'] }, 400, 'invalid environment variable: =x'],
  [
    'working directory',
    { Image: 'busybox', WorkingDir: 'here' },
    400,
    "the working directory 'here' is invalid, it needs to be an absolute path",
  ],
  ['stop signal', { Image: 'busybox', StopSignal: 'SIGNOPE' }, 400, 'SIGNOPE'],
  [
    'health check',
    { Image: 'busybox', Healthcheck: { Test: ['CMD', 'x'], Interval: 1 } },
    400,
    'Interval in Healthcheck cannot be less than 1ms',
  ],
  ['image', { Image: 'nothere:1' }, 404, 'No such image: nothere:1'],
  ['no image', {}, 400, 'no image specified'],
]

test.each([
  // The CLI takes a missing file for a missing command.
  ['a device that is not there', ['--device', '/dev/none'], 127, 'custom device "/dev/none": no such file'],
  ['a GPU', ['--gpus', 'all'], 125, 'could not select device driver "" with capabilities: [[gpu]]'],
  [
    'a network of a container that is not there',
    ['--network', 'container:none'],
    125,
    'joining network namespace of container: No such container: none',
  ],
])('the start fails for %s, and the container stays created', async (_name, flags, code, message) => {
  const result = await c.docker('run', '--name', 'opt', ...flags, 'busybox', 'true')
  expect(result.stderr).toContain(message)
  expect(result.code).toBe(code)
  expect(await c.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'opt')).toBe('created 128')
  await c.clean('opt')
})

test('an image of another platform is not there, so that the client pulls the one that fits', async () => {
  const answer = await create({ Image: 'busybox' }, '/v1.47/containers/create?platform=linux/arm64')
  expect(answer).toEqual({
    status: 404,
    message:
      'image with reference busybox was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)',
  })
})

test.each(REFUSED)('refused: %s', async (_name, body, status, message) => {
  const before = await c.ok('ps', '-aq')
  const answer = await create({ Cmd: ['true'], ...body })
  expect(answer.message).toContain(message)
  if (status > 0) expect(answer.status).toBe(status)
  expect(await c.ok('ps', '-aq')).toBe(before)
})

test('an IPC namespace is shared with its /dev/shm where its owner allows it', async () => {
  await c.ok('exec', 'donor', 'sh', '-c', 'echo ours >/dev/shm/note')
  expect(await inside(['--ipc', 'container:donor'], 'cat /dev/shm/note')).toBe('ours')
  await c.ok('run', '-d', '--name', 'opt', 'busybox', 'sleep', '100000')
  const refused = await c.docker('run', '--rm', '--ipc', 'container:opt', 'busybox', 'true')
  expect(refused.stderr).toContain('non-shareable IPC (hint: use IpcMode:shareable for the donor container)')
  expect(refused.code).toBe(125)
  await c.clean('opt')
})

test('update changes limits and restart policy of a running container', async () => {
  await c.ok('run', '-d', '--name', 'opt', '-m', '64m', 'busybox', 'sleep', '100000')
  await c.ok(
    'update',
    '-m',
    '128m',
    '--memory-swap',
    '256m',
    '--cpus',
    '0.5',
    '--pids-limit',
    '77',
    '--restart',
    'on-failure:3',
    'opt',
  )
  expect(await c.ok('exec', 'opt', 'sh', '-c', 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max')).toBe(
    '134217728\n50000 100000\n77',
  )
  const format =
    '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}'
  expect(await c.ok('inspect', '-f', format, 'opt')).toBe('134217728 500000000 77 on-failure')
  const refused = await c.docker('update', '-m', '1k', 'opt')
  expect(refused.stderr).toContain('Minimum memory limit allowed is 6MB')
  await c.clean('opt')
})

test('restart policies act with back-off and count; a stop ends them', async () => {
  await c.ok('run', '-d', '--name', 'opt', '--restart', 'on-failure:2', 'busybox', 'sh', '-c', 'exit 3')
  await expect
    .poll(() => c.ok('inspect', '-f', '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}', 'opt'), {
      timeout: 30_000,
    })
    .toBe('exited 2 3')
  await c.clean('opt')
  await c.ok('run', '-d', '--name', 'opt', '--restart', 'always', 'busybox', 'true')
  await expect
    .poll(async () => Number(await c.ok('inspect', '-f', '{{.RestartCount}}', 'opt')), { timeout: 30_000 })
    .toBeGreaterThan(1)
  await c.ok('stop', 'opt')
  expect(await c.ok('inspect', '-f', '{{.State.Status}}', 'opt')).toBe('exited')
  await c.clean('opt')
})

test('health goes from starting to healthy to unhealthy, with events', async () => {
  const since = String(Math.floor(Date.now() / 1000) - 1)
  await c.ok(
    'run',
    '-d',
    '--name',
    'opt',
    '--health-cmd',
    'test -e /well',
    '--health-interval',
    '500ms',
    '--health-retries',
    '1',
    '--health-start-period',
    '20s',
    'busybox',
    'sleep',
    '100000',
  )
  const health = () => c.ok('inspect', '-f', '{{.State.Health.Status}}', 'opt')
  expect(await health()).toBe('starting')
  await c.ok('exec', 'opt', 'touch', '/well')
  await expect.poll(health, { timeout: 30_000 }).toBe('healthy')
  await c.ok('exec', 'opt', 'rm', '/well')
  await expect.poll(health, { timeout: 30_000 }).toBe('unhealthy')
  await c.clean('opt')
  const events = await c.ok(
    'events',
    '--since',
    since,
    '--until',
    String(Math.ceil(Date.now() / 1000) + 1),
    '--filter',
    'container=opt',
    '--filter',
    'event=health_status',
  )
  expect(events).toMatch(/health_status: healthy[\s\S]*health_status: unhealthy/)
})

test('log drivers: rotation keeps what was asked for, none keeps nothing', async () => {
  await c.ok(
    'run',
    '--name',
    'opt',
    '--log-opt',
    'max-size=20k',
    '--log-opt',
    'max-file=2',
    'busybox',
    'sh',
    '-c',
    'for i in $(seq 1 40); do head -c 2000 /dev/zero | tr "\\0" x; echo " line $i"; sleep 0.1; done',
  )
  const log = await c.ok('logs', 'opt')
  expect(log).toContain('line 40')
  expect(log).not.toContain('line 1\n')
  await c.clean('opt')
  expect(await c.ok('run', '--name', 'opt', '--log-driver', 'none', 'busybox', 'echo', 'seen')).toBe('seen')
  const logs = await c.docker('logs', 'opt')
  expect(logs.stderr).toContain('configured logging driver does not support reading')
  await c.clean('opt')
})

test('what only the start can find out is refused there, and leaves nothing', async () => {
  const refused = await c.docker('run', '--rm', '--tmpfs', '/w:colour=blue', 'busybox', 'true')
  expect([refused.code, refused.stderr]).toEqual([
    125,
    expect.stringContaining('invalid tmpfs option "colour=blue"'),
  ])
  const group = await c.docker('run', '--rm', '--group-add', 'sailors', 'busybox', 'true')
  expect(group.stderr).toContain('unable to find group sailors: no matching entries in group file')
  expect(await c.ok('ps', '-aq', '--filter', 'status=created')).toBe('')
})
