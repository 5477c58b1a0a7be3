import { beforeAll, expect, test } from 'vitest'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
  await c.ok('pull', '-q', 'busybox')
})

test('version and info have what clients look at', async () => {
  const version = JSON.parse(await c.ok('version', '-f', '{{json .Server}}'))
  expect(version).toMatchObject({ Os: 'linux', Arch: 'amd64', MinAPIVersion: '1.24' })
  expect(version.Components.map(({ Name }: { Name: string }) => Name)).toContain('Engine')
  const info = JSON.parse(await c.ok('info', '-f', '{{json .}}'))
  expect(info).toMatchObject({
    Driver: 'overlay2',
    CgroupVersion: '2',
    OSType: 'linux',
    DefaultRuntime: 'runc',
    InitBinary: 'docker-init',
    Swarm: { LocalNodeState: 'inactive' },
  })
  expect(info.MemTotal).toBeGreaterThan(1e9)
})

test('df counts images, containers and volumes with their sizes', async () => {
  await c.ok(
    'run',
    '--name',
    'big',
    '-v',
    'bulk:/b',
    'busybox',
    'sh',
    '-c',
    'head -c 3000000 /dev/zero >/file; head -c 2000000 /dev/zero >/b/file',
  )
  const out = await c.ok('system', 'df', '-v')
  expect(out).toMatch(/bulk\s+1\s+2MB/)
  expect(out).toMatch(/3MB.*big/)
  await c.clean('big')
  await c.ok('volume', 'rm', 'bulk')
})

test('events: the backlog and filters of every kind', async () => {
  const since = String(Math.floor(Date.now() / 1000) - 2)
  // Of its own name and label: the backlog holds what other tests and an earlier try did.
  const actor = `actor-${Date.now()}`
  const prop = `prop-${Date.now()}`
  const role = `role=${actor}`
  await c.ok('run', '--name', actor, '--label', role, 'busybox', 'true')
  await c.ok('volume', 'create', prop)
  await c.ok('rm', actor)
  await c.ok('volume', 'rm', prop)
  const until = String(Math.ceil(Date.now() / 1000) + 1)
  const events = async (...filters: string[]) =>
    (
      await c.ok(
        'events',
        '--since',
        since,
        '--until',
        until,
        '--format',
        '{{.Type}} {{.Action}}',
        ...filters.flatMap((filter) => ['--filter', filter]),
      )
    ).split('\n')
  expect(await events(`container=${actor}`)).toEqual(
    ['create', 'attach', 'start', 'die', 'destroy'].map((action) => `container ${action}`),
  )
  expect(await events(`label=${role}`, 'event=die')).toEqual(['container die'])
  expect(await events('type=volume', `volume=${prop}`)).toEqual(['volume create', 'volume destroy'])
  expect(await events('type=network')).toEqual(
    expect.arrayContaining(['network connect', 'network disconnect']),
  )
  expect(await events(`label=${role}`, 'image=busybox', 'event=start')).toEqual(['container start'])
  // What it does not know it does not filter by, as dockerd.
  expect(await events('colour=blue', `label=${role}`, 'event=die')).toEqual(['container die'])
  const backwards = await c.docker('events', '--since', until, '--until', since)
  expect(backwards.stderr).toContain('cannot be after `until` time')
})

test('copies in and out: files, directories, links, archives', async () => {
  await c.ok(
    'run',
    '-d',
    '--name',
    'box',
    'busybox',
    'sh',
    '-c',
    'mkdir -p /d/sub; echo one >/d/sub/f; ln -s sub /d/link; sleep 100000',
  )
  await c.ok('exec', 'box', 'sh', '-c', 'until [ -L /d/link ]; do sleep 0.1; done')
  const { code, stdout } = await c.docker('cp', 'box:/d', '-')
  expect([code, stdout.includes('d/sub/f')]).toEqual([0, true])
  expect((await c.dockerWith({ input: stdout }, 'cp', '-', 'box:/tmp')).code).toBe(0)
  expect(await c.ok('exec', 'box', 'cat', '/tmp/d/link/f')).toBe('one')
  await c.ok('cp', '-L', 'box:/d/link', `${c.home}/followed`)
  await c.ok('cp', `${c.home}/followed`, 'box:/back')
  expect(await c.ok('exec', 'box', 'cat', '/back/f')).toBe('one')
  const missing = await c.docker('cp', 'box:/nothing', '-')
  expect(missing.stderr).toContain('Could not find the file /nothing in container box')
  await c.clean('box')
})

test('diff, export, size, rename while it runs', async () => {
  await c.ok('run', '-d', '--name', 'first', 'busybox', 'sh', '-c', 'echo 12345 >/new; sleep 100000')
  await c.ok('exec', 'first', 'sh', '-c', 'until [ -s /new ]; do sleep 0.1; done')
  await c.ok('rename', 'first', 'second')
  expect(await c.ok('ps', '--format', '{{.Names}}', '--filter', 'name=second')).toBe('second')
  expect((await c.ok('diff', 'second')).split('\n')).toContain('A /new')
  expect((await c.docker('export', 'second')).stdout).toContain('12345\n')
  expect(Number(await c.ok('inspect', '-s', '-f', '{{.SizeRw}}', 'second'))).toBeGreaterThan(0)
  await c.clean('second')
})

test('wait: each condition answers at its time', async () => {
  await c.ok('run', '-d', '--name', 'timed', 'busybox', 'sh', '-c', 'sleep 1; exit 4')
  expect(await c.ok('wait', 'timed')).toBe('4')
  expect(await c.ok('wait', 'timed')).toBe('4')
  await c.clean('timed')
})

test('prune takes stopped containers by label and age only', async () => {
  await c.ok('run', '--name', 'kept', '--label', 'keep', 'busybox', 'true')
  await c.ok('run', '--name', 'gone', 'busybox', 'true')
  await c.ok('container', 'prune', '-f', '--filter', 'until=1h')
  await c.ok('container', 'prune', '-f', '--filter', 'label!=keep')
  expect(await c.ok('ps', '-a', '--format', '{{.Names}}')).toBe('kept')
  const refused = await c.docker('container', 'prune', '-f', '--filter', 'colour=blue')
  expect(refused.stderr).toContain("invalid filter 'colour'")
  await c.clean('kept')
})

test('an orderly stop lets containers end by themselves; what was removed before a crash stays removed', async () => {
  const script = 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.1; done'
  for (const name of ['polite', 'frozen']) {
    await c.ok('run', '-d', '--name', name, 'busybox', 'sh', '-c', script)
    await expect.poll(() => c.ok('logs', name)).toBe('ready')
  }
  await c.ok('pause', 'frozen')
  expect((await c.slipway('stop')).code).toBe(0)
  expect((await c.slipway('start')).code).toBe(0)
  expect(await c.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'polite', 'frozen')).toBe(
    'exited 7\nexited 7',
  )
  expect(await c.ok('logs', 'frozen')).toBe('ready\nbye')
  await c.clean('polite', 'frozen')
  const { pid } = JSON.parse((await c.slipway('status', '--json')).stdout)
  process.kill(pid, 'SIGKILL')
  await expect
    .poll(async () => JSON.parse((await c.slipway('status', '--json')).stdout).state, { timeout: 60_000 })
    .toBe('failed')
  expect((await c.slipway('start')).code).toBe(0)
  expect(await c.ok('ps', '-aq')).toBe('')
})
