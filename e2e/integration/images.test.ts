import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { ask } from '../fixtures/engine-socket.ts'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
})

test('version and info answer as an engine', async () => {
  expect(await c.ok('version', '-f', '{{.Server.Os}}/{{.Server.Arch}} {{.Server.MinAPIVersion}}')).toMatch(
    /^linux\/(amd64|arm64) 1\.24$/,
  )
  expect(await c.ok('info', '-f', '{{.Driver}} {{.CgroupVersion}} {{.OSType}}')).toBe('overlay2 2 linux')
})

test('the welcome image is there without any network', async () => {
  expect(await c.ok('images', '--format', '{{.Repository}}:{{.Tag}}', 'slipway/welcome')).toBe(
    'slipway/welcome:latest',
  )
})

test('pull says what it does, and again that it is up to date', async () => {
  await c.docker('rmi', '-f', 'centos:7')
  const first = await c.ok('pull', 'centos:7')
  expect(first).toMatch(/^7: Pulling from library\/centos\n/)
  expect(first).toMatch(
    /Digest: sha256:[0-9a-f]{64}\nStatus: Downloaded newer image for centos:7\ndocker\.io\/library\/centos:7$/,
  )
  expect(await c.ok('pull', 'centos:7')).toMatch(
    /^7: Pulling from library\/centos\nDigest: sha256:[0-9a-f]{64}\nStatus: Image is up to date for centos:7\n/,
  )
})

test('pull from a registry named by host and port, by tag and by digest', async () => {
  const name = `${c.registry.host}/library/busybox`
  const out = await c.ok('pull', name)
  expect(out).toContain('Using default tag: latest')
  const digest = /Digest: (sha256:[0-9a-f]+)/.exec(out)?.[1] ?? ''
  await c.ok('pull', `${name}@${digest}`)
  expect(await c.ok('image', 'inspect', '-f', '{{json .RepoDigests}}', name)).toContain(`${name}@${digest}`)
  await c.ok('rmi', name)
})

test('what cannot be pulled is said clearly', async () => {
  const unknown = await c.docker('pull', `${c.registry.host}/library/nosuch`)
  expect(unknown.code).toBe(1)
  expect(unknown.stderr).toContain(
    `manifest for ${c.registry.host}/library/nosuch:latest not found: manifest unknown`,
  )
  const host = await c.docker('pull', 'registry.invalid/x/y:1')
  expect(host.code).toBe(1)
  expect(host.stderr).toContain('registry.invalid')
  const malformed = await c.docker('pull', 'Bad:/ref')
  expect(malformed.code).toBe(1)
  expect(malformed.stderr).toContain('invalid reference format')
  const run = await c.docker('run', '--rm', '--pull', 'never', 'nosuchimage:1', 'true')
  expect(run.code).toBe(125)
  expect(run.stderr).toContain('No such image: nosuchimage:1')
})

test('run pulls an image that is not local', async () => {
  await c.docker('rmi', '-f', 'alpine')
  const result = await c.docker('run', '--rm', 'alpine', 'echo', 'hello')
  expect(result.stdout).toBe('hello\n')
  expect(result.stderr).toContain("Unable to find image 'alpine:latest' locally")
})

test('tag, inspect, history, remove with Docker’s rules', async () => {
  await c.ok('pull', '-q', 'busybox')
  await c.ok('tag', 'busybox', 'me/bb:1')
  expect(
    await c.ok('image', 'inspect', '-f', '{{.Config.Cmd}} {{.Os}} {{len .RootFS.Layers}}', 'me/bb:1'),
  ).toBe('[sh] linux 1')
  expect(await c.ok('history', '--format', '{{.CreatedBy}}', 'me/bb:1')).toBe('ADD busybox.tar in /')
  await c.ok('create', '--name', 'user', 'me/bb:1')
  expect(await c.ok('rmi', 'me/bb:1')).toBe('Untagged: me/bb:1')
  await c.clean('user')
  const missing = await c.docker('rmi', 'nosuch')
  expect(missing.stderr).toContain('No such image: nosuch:latest')
})

test('images lists and filters', async () => {
  expect(await c.ok('images', '-q', 'busybox')).toMatch(/^[0-9a-f]{12}/)
  const tagged = await c.ok('images', '-q', 'busybox')
  expect((await c.ok('images', '--filter', 'dangling=true', '-q')).split('\n')).not.toContain(tagged)
  expect(await c.ok('images', '--filter', 'reference=busy*', '--format', '{{.Repository}}')).toMatch(
    /^busybox/,
  )
})

test('an image of another platform is none for inspect, history and save', async () => {
  const other = encodeURIComponent(JSON.stringify({ os: 'linux', architecture: 's390x' }))
  for (const what of ['json', 'history', 'get']) {
    const answer = await ask(join(c.home, 'docker.sock'), 'GET', `/images/busybox/${what}?platform=${other}`)
    expect(answer, what).toMatchObject({
      status: 404,
      text: expect.stringContaining('does not match the specified platform (linux/s390x)'),
    })
  }
})

test('containers are found by what their image was made of, and by the port they are reached at', async () => {
  await c.ok('create', '--name', 'base', 'busybox')
  await c.ok('commit', 'base', 'made:1')
  await c.ok('run', '-d', '--name', 'above', '-p', '0:80', 'made:1', 'sleep', '1000')
  const found = async (filter: string) =>
    (await c.ok('ps', '-a', '--format', '{{.Names}}', '--filter', filter)).split('\n').sort()
  expect(await found('ancestor=busybox')).toEqual(['above', 'base'])
  expect(await found('ancestor=made:1')).toEqual(['above'])
  expect(await found('ancestor=nosuch')).toEqual([''])
  const [, port = ''] = /:(\d+)/.exec(await c.ok('port', 'above', '80')) ?? []
  expect(await found(`publish=${port}`)).toEqual(['above'])
  expect(await found('publish=80')).toEqual([''])
  expect(await found('expose=80')).toEqual(['above'])
  await c.clean('above', 'base')
  await c.ok('rmi', 'made:1')
})
