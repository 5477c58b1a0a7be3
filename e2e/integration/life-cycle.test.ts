import { afterEach, beforeAll, expect, test } from 'vitest'
import { onTerminal } from '../fixtures/pty.ts'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
  await c.ok('pull', '-q', 'busybox')
})
afterEach(async () => {
  const left = await c.ok('ps', '-aq')
  if (left) await c.clean(...left.split('\n'))
})

const status = (name: string) => c.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', name)

test('run echoes its standard input and ends with it', async () => {
  const result = await c.dockerWith({ input: 'data\n' }, 'run', '--rm', '-i', 'busybox', 'cat')
  expect(result).toEqual({ code: 0, stdout: 'data\n', stderr: '' })
})

test('run keeps standard output and error apart and returns the exit code', async () => {
  const result = await c.docker('run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 42')
  expect(result).toEqual({ code: 42, stdout: 'out\n', stderr: 'err\n' })
})

test('a missing program gives 127 and a program that is none 126, in Docker’s words', async () => {
  const missing = await c.docker('run', '--rm', 'busybox', 'nosuchcmd')
  expect(missing.code).toBe(127)
  expect(missing.stderr).toContain('exec: "nosuchcmd": executable file not found in $PATH')
  const denied = await c.docker('run', '--rm', 'busybox', '/etc/passwd')
  expect(denied.code).toBe(126)
  expect(denied.stderr).toContain('permission denied')
})

test('run -i -t gives a terminal of the caller’s size, and exit ends the container with its code', async () => {
  const { code, screen } = await onTerminal(
    `${c.cli} run -i -t --name st busybox sh`,
    [
      { expect: '/ #', send: 'tty; stty size\n' },
      { expect: /40 100/, send: 'exit 3\n' },
    ],
    { env: c.env },
  )
  expect(code).toBe(3)
  expect(screen).toContain('/dev/pts/0')
  expect(await status('st')).toBe('exited 3')
})

test('create, start, attach, detach with ctrl-p ctrl-q, attach again, exit', async () => {
  await c.ok('create', '-i', '-t', '--name', 'c1', 'busybox', 'sh')
  expect(await status('c1')).toBe('created 0')
  expect(await c.ok('start', 'c1')).toBe('c1')
  const detached = await onTerminal(
    `${c.cli} attach c1`,
    [
      { expect: /./, send: '\n' },
      { expect: '/ #', send: 'echo atta$((1))ched\n' },
      { expect: 'atta1ched', send: '\x10\x11' },
    ],
    { env: c.env },
  )
  expect(detached.screen).toContain('read escape sequence')
  expect(await status('c1')).toBe('running 0')
  const { code } = await onTerminal(`${c.cli} attach c1`, [{ expect: /./, send: 'exit 7\n' }], { env: c.env })
  expect(code).toBe(7)
  expect(await status('c1')).toBe('exited 7')
})

test('stop asks first and kills after the grace time; kill does not ask', async () => {
  await c.ok(
    'run',
    '-d',
    '--name',
    'polite',
    'busybox',
    'sh',
    '-c',
    'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done',
  )
  await expect.poll(() => c.ok('logs', 'polite')).toBe('ready')
  await c.ok('stop', '-t', '60', 'polite')
  expect(await status('polite')).toBe('exited 5')
  await c.ok('run', '-d', '--name', 'deaf', 'busybox', 'sleep', '1000')
  await c.ok('stop', '-t', '1', 'deaf')
  expect(await status('deaf')).toBe('exited 137')
  await c.ok('start', 'deaf')
  await c.ok('kill', 'deaf')
  expect(await status('deaf')).toBe('exited 137')
  const again = await c.docker('kill', 'deaf')
  expect(again.code).toBe(1)
  expect(again.stderr).toMatch(/cannot kill container: deaf: .*is not running/i)
})

test('pause freezes, exec is refused meanwhile, unpause goes on', async () => {
  await c.ok('run', '-d', '--name', 'frozen', 'busybox', 'sleep', '1000')
  await c.ok('pause', 'frozen')
  expect(await c.ok('ps', '--format', '{{.Status}}', '--filter', 'name=frozen')).toMatch(/\(Paused\)$/)
  const refused = await c.docker('exec', 'frozen', 'true')
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('Container frozen is paused, unpause the container before exec')
  await c.ok('unpause', 'frozen')
  expect(await c.ok('exec', 'frozen', 'echo', 'on')).toBe('on')
})

test('rename, restart, remove with Docker’s refusals', async () => {
  await c.ok('run', '-d', '--name', 'before', 'busybox', 'sleep', '1000')
  await c.ok('rename', 'before', 'after')
  expect(await c.ok('ps', '--format', '{{.Names}}')).toBe('after')
  await c.ok('restart', '-t', '0', 'after')
  expect(await status('after')).toBe('running 0')
  const running = await c.docker('rm', 'after')
  expect(running.code).toBe(1)
  expect(running.stderr).toContain(
    'cannot remove container "after": container is running: stop the container before removing or force remove',
  )
  await c.ok('rm', '-f', 'after')
  const gone = await c.docker('rm', 'after')
  expect(gone.stderr).toContain('No such container: after')
})

test('rm -f of a container that is being started waits for it and removes it', async () => {
  await c.ok('create', '--name', 'late', 'busybox', 'sleep', '1000')
  const [, removed] = await Promise.all([c.docker('start', 'late'), c.docker('rm', '-f', 'late')])
  expect(removed).toMatchObject({ code: 0 })
  expect(await c.ok('ps', '-a', '-q', '-f', 'name=late')).toBe('')
})

test('a name is unique and validated', async () => {
  const id = await c.ok('create', '--name', 'one', 'busybox')
  const taken = await c.docker('create', '--name', 'one', 'busybox')
  expect(taken.code).not.toBe(0)
  expect(taken.stderr).toContain(
    `Conflict. The container name "/one" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  )
  const bad = await c.docker('create', '--name', 'bad/name', 'busybox')
  expect(bad.stderr).toContain(
    'Invalid container name (bad/name), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
  )
})

test('ps lists with Docker’s columns; container prune takes only stopped ones', async () => {
  await c.ok('run', '-d', '--name', 'up', 'busybox', 'sleep', '1000')
  await c.docker('run', '--name', 'done', 'busybox', 'sh', '-c', 'exit 3')
  await c.ok('create', '--name', 'made', 'busybox')
  expect(await c.ok('ps', '--format', 'table {{.Image}}\t{{.Names}}')).toBe('IMAGE     NAMES\nbusybox   up')
  const all = await c.ok('ps', '-a', '--format', '{{.Names}}|{{.Status}}')
  expect(all).toMatch(/^made\|Created$/m)
  expect(all).toMatch(/^done\|Exited \(3\) .* ago$/m)
  expect(all).toMatch(/^up\|Up /m)
  expect(await c.ok('ps', '-a', '--filter', 'status=exited', '--format', '{{.Names}}')).toBe('done')
  expect(await c.ok('container', 'prune', '-f')).toMatch(/Deleted Containers:[\s\S]*Total reclaimed space/)
  expect(await c.ok('ps', '-a', '--format', '{{.Names}}')).toBe('up')
})

test('wait answers the exit code, top shows the process', async () => {
  const script = 'until [ -e /over ]; do sleep 1; done; exit 9'
  await c.ok('run', '-d', '--name', 'waited', 'busybox', 'sh', '-c', script)
  expect(await c.ok('top', 'waited')).toMatch(/PID[\s\S]*until/)
  const waited = c.ok('wait', 'waited')
  await c.ok('exec', 'waited', 'touch', '/over')
  expect(await waited).toBe('9')
})
