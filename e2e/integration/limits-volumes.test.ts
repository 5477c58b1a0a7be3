import { beforeAll, expect, test } from 'vitest'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
})

test('memory, cpu and pids limits stand in the container’s own cgroup', async () => {
  const out = await c.ok(
    'run',
    '--rm',
    '-m',
    '64m',
    '--cpus',
    '0.5',
    '--pids-limit',
    '50',
    'busybox',
    'sh',
    '-c',
    'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max',
  )
  expect(out).toBe('67108864\n50000 100000\n50')
})

test('a container that takes too much memory is killed and says so', async () => {
  const result = await c.docker(
    'run',
    '--name',
    'greedy',
    '-m',
    '16m',
    '--memory-swap',
    '16m',
    'busybox',
    'sh',
    '-c',
    'tail /dev/zero',
  )
  expect(result.code).toBe(137)
  expect(await c.ok('inspect', '-f', '{{.State.OOMKilled}}', 'greedy')).toBe('true')
  await c.clean('greedy')
})

test('namespaces are separate: own pids, hostname, and capabilities as Docker drops them', async () => {
  expect(await c.ok('run', '--rm', '--hostname', 'boat', 'busybox', 'sh', '-c', 'hostname; echo $$')).toBe(
    'boat\n1',
  )
  const denied = await c.docker('run', '--rm', 'busybox', 'mount', '-t', 'tmpfs', 'none', '/mnt')
  expect(denied.code).not.toBe(0)
  expect(
    await c.ok('run', '--rm', '--read-only', 'busybox', 'sh', '-c', 'touch /x 2>/dev/null || echo refused'),
  ).toBe('refused')
})

test('changes stay in the container’s own layer and diff shows them', async () => {
  await c.ok('run', '--name', 'scribe', 'busybox', 'sh', '-c', 'echo x >/new; rm /bin/wget')
  expect((await c.ok('diff', 'scribe')).split('\n').sort()).toEqual(['A /new', 'C /bin', 'D /bin/wget'])
  expect(await c.ok('run', '--rm', 'busybox', 'sh', '-c', 'ls /new 2>/dev/null; ls /bin/wget')).toBe(
    '/bin/wget',
  )
  await c.clean('scribe')
})

test('a named volume keeps its files', async () => {
  await c.ok('volume', 'create', 'v1')
  await c.ok('run', '--rm', '-v', 'v1:/d', 'busybox', 'sh', '-c', 'echo x >/d/f')
  expect(await c.ok('run', '--rm', '-v', 'v1:/d:ro', 'busybox', 'cat', '/d/f')).toBe('x')
  expect(await c.ok('volume', 'ls', '--format', '{{.Driver}} {{.Name}}', '-f', 'name=v1')).toBe('local v1')
  await c.ok('volume', 'rm', 'v1')
})

test('files are copied in and out', async () => {
  await c.ok('create', '--name', 'box', 'busybox')
  const sent = await c.dockerWith({ input: '' }, 'cp', 'package.json', 'box:/tmp/p.json')
  expect(sent.code).toBe(0)
  const back = await c.docker('cp', 'box:/tmp/p.json', '-')
  expect(back.stdout).toContain('"name": "slipway"')
  await c.clean('box')
})
