import { beforeAll, expect, test } from 'vitest'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
  await c.ok('pull', '-q', 'busybox')
})

/** Runs a script in a one-off container with these flags. */
function inside(flags: string[], script: string): Promise<string> {
  return c.ok('run', '--rm', ...flags, 'busybox', 'sh', '-c', script)
}

test('the local driver takes tmpfs and bind options and refuses others', async () => {
  await c.ok(
    'volume',
    'create',
    '-d',
    'local',
    '-o',
    'type=tmpfs',
    '-o',
    'device=tmpfs',
    '-o',
    'o=size=2m',
    'fast',
  )
  expect(await inside(['-v', 'fast:/f'], 'df -k /f | tail -1 | tr -s " " | cut -d" " -f2')).toBe('2048')
  await c.ok(
    'volume',
    'create',
    '-o',
    'type=none',
    '-o',
    'device=/usr/share/slipway',
    '-o',
    'o=bind',
    'bound',
  )
  expect(await inside(['-v', 'bound:/b'], 'ls /b')).toContain('welcome.tar')
  const refused = await c.docker('volume', 'create', '-o', 'colour=blue', 'odd')
  expect(refused.stderr).toContain('invalid option: "colour"')
  const plugin = await c.docker('volume', 'create', '-d', 'nfs', 'odd')
  expect(plugin.stderr).toContain('plugin "nfs" not found')
  await c.ok('volume', 'rm', 'fast', 'bound')
})

test('an empty volume is filled from the image at first use, unless nocopy is asked for', async () => {
  expect(await inside(['-v', 'filled:/etc'], 'test -s /etc/passwd && echo filled')).toBe('filled')
  expect(await inside(['-v', 'bare:/etc:nocopy'], 'test -e /etc/passwd || echo empty')).toBe('empty')
  const mount = 'type=volume,source=bare2,target=/etc,volume-nocopy'
  expect(await inside(['--mount', mount], 'test -e /etc/passwd || echo empty')).toBe('empty')
  await c.ok('volume', 'rm', 'filled', 'bare', 'bare2')
})

test('a volume in use is protected; prune takes anonymous ones, and all with -a', async () => {
  await c.ok(
    'run',
    '-d',
    '--name',
    'holder',
    '-v',
    'held:/h',
    '-v',
    '/anonymous',
    'busybox',
    'sleep',
    '100000',
  )
  const id = await c.ok('inspect', '-f', '{{.Id}}', 'holder')
  const anonymous = await c.ok(
    'inspect',
    '-f',
    '{{range .Mounts}}{{if eq .Destination "/anonymous"}}{{.Name}}{{end}}{{end}}',
    'holder',
  )
  expect(anonymous).toMatch(/^[0-9a-f]{64}$/)
  const refused = await c.docker('volume', 'rm', 'held')
  expect(refused.stderr).toContain(`remove held: volume is in use - [${id}]`)
  await c.ok('rm', '-f', 'holder')
  await c.ok('volume', 'prune', '-f')
  const left = (await c.ok('volume', 'ls', '-q')).split('\n')
  expect(left).toContain('held')
  expect(left).not.toContain(anonymous)
  await c.ok('volume', 'prune', '-f', '-a')
  expect((await c.ok('volume', 'ls', '-q')).split('\n')).not.toContain('held')
})

test('list filters, labels and inspect', async () => {
  await c.ok('volume', 'create', '--label', 'tier=gold', 'gold')
  await c.ok('volume', 'create', 'plain')
  expect(await c.ok('volume', 'ls', '-q', '-f', 'label=tier=gold')).toBe('gold')
  expect(await c.ok('volume', 'ls', '-q', '-f', 'name=pla')).toBe('plain')
  expect((await c.ok('volume', 'ls', '-q', '-f', 'dangling=true')).split('\n')).toEqual(
    expect.arrayContaining(['gold', 'plain']),
  )
  expect(await c.ok('volume', 'inspect', '-f', '{{.Driver}} {{.Scope}} {{.Labels.tier}}', 'gold')).toBe(
    'local local gold',
  )
  const missing = await c.docker('volume', 'inspect', 'nothing')
  expect(missing.stderr).toContain('no such volume')
  await c.ok('volume', 'rm', 'gold', 'plain')
})

test('binds propagate as they are told to', async () => {
  const shared = `/run/pro-${Date.now()}`
  await c.ok(
    'run',
    '-d',
    '--privileged',
    '--name',
    'mounter',
    '-v',
    `${shared}:/p:rshared`,
    'busybox',
    'sleep',
    '100000',
  )
  await c.ok('run', '-d', '--name', 'slave', '-v', `${shared}:/p:rslave`, 'busybox', 'sleep', '100000')
  await c.ok('run', '-d', '--name', 'private', '-v', `${shared}:/p`, 'busybox', 'sleep', '100000')
  await c.ok('exec', 'mounter', 'sh', '-c', 'mkdir -p /p/m && mount -t tmpfs x /p/m && touch /p/m/seen')
  expect(await c.ok('exec', 'slave', 'ls', '/p/m')).toBe('seen')
  expect(await c.ok('exec', 'private', 'ls', '/p/m')).toBe('')
  await c.ok('exec', 'mounter', 'umount', '/p/m')
  await c.clean('mounter', 'slave', 'private')
})

test('a directory inside a volume is mounted by its subpath, and cannot lead out of it', async () => {
  await inside(['-v', 'deep:/d'], 'mkdir -p /d/a/b; echo found >/d/a/b/file; ln -s /etc /d/out')
  const mount = (path: string) => ['--mount', `type=volume,source=deep,target=/x,volume-subpath=${path}`]
  expect(await inside(mount('a/b'), 'cat /x/file')).toBe('found')
  // What the image has there comes into that directory, as into a volume of its own.
  const bin = 'type=volume,source=deep,target=/bin,volume-subpath=a'
  expect(await inside(['-v', 'deep:/d'], 'rm -r /d/a/b && ls /d/a')).toBe('')
  expect(await inside(['--mount', bin], 'ls /bin/busybox')).toBe('/bin/busybox')
  for (const [path, words] of [
    ['../..', 'subpath must be a relative path within the volume'],
    ['out', 'path concatenation escapes the base directory'],
    ['nothing', 'cannot access path'],
  ] as const) {
    const refused = await c.docker('run', '--rm', ...mount(path), 'busybox', 'true')
    // The docker command makes 127 of a file that is not there.
    expect([125, 127]).toContain(refused.code)
    expect(refused.stderr).toContain(words)
  }
  await c.ok('volume', 'rm', 'deep')
})
