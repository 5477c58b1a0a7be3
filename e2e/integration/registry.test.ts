import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type HostileRegistry, startHostileRegistry } from '../fixtures/hostile-registry.ts'
import { noise } from '../fixtures/images.ts'
import { type BuiltImage, buildImage, layerTar, pushImage } from '../fixtures/oci.ts'
import {
  forArchitecture,
  imageIndex,
  schema1,
  withForeignLayers,
  withZstd,
} from '../fixtures/oci-variants.ts'
import {
  ACCOUNT,
  SECURE_NAME,
  type SecureRegistry,
  startSecureRegistry,
} from '../fixtures/secure-registry.ts'
import { type Context, context } from './context.ts'

let c: Context
let secure: SecureRegistry
let liar: HostileRegistry
let asked = 0
let stalled: BuiltImage

const image = async (data: string | Uint8Array) =>
  buildImage({ config: { Cmd: ['/f'] }, layers: [await layerTar([{ name: 'f', data }])] })

beforeAll(async () => {
  c = await context()
  secure = await startSecureRegistry()
  const plain = await image('plain')
  const shared = await image(noise(8 << 20, 7))
  stalled = await image(noise(4 << 20, 9))
  const counting = {
    image: shared,
    tamper: ({ data }: { data: Buffer }) => {
      asked++
      return data
    },
  }
  liar = await startHostileRegistry({
    'old/schema1': { image: schema1(plain) },
    'win/foreign': { image: withForeignLayers(plain) },
    'pack/zstd': { image: withZstd(await image('from zstd')) },
    'same/one': counting,
    'same/two': counting,
    'never/ends': { image: stalled, tamper: () => undefined },
  })
  await c.ok('pull', '-q', 'busybox')
})
afterAll(async () => {
  await c.docker('logout', secure.host)
  await secure[Symbol.asyncDispose]()
  await liar[Symbol.asyncDispose]()
})

/** Blobs being written and layers being unpacked: there must be none when nothing is pulled. */
async function halfMade(): Promise<string> {
  const find =
    'ls -A /var/lib/slipway/content/ingest 2>/dev/null; grep -l \'"name":"unpack-\' /var/lib/slipway/snapshots/m/*.json'
  return (await c.slipway('ssh', find)).stdout.trim()
}

async function stalledPull() {
  const pull = spawn(c.cli, ['pull', `${liar.host}/never/ends`], { env: { ...process.env, ...c.env } })
  const said = { text: '' }
  pull.stdout.on('data', (chunk) => {
    said.text += chunk
  })
  await expect.poll(() => said.text, { timeout: 60_000 }).toContain('Pulling fs layer')
  return pull
}

async function engine(path: string): Promise<{ status: number; body: unknown }> {
  const request = get({ socketPath: join(c.home, 'docker.sock'), path, headers: { host: 'docker' } })
  const [response] = await once(request, 'response')
  return { status: response.statusCode, body: JSON.parse(await text(response)) }
}

test('login: a wrong password is refused, the right one is kept', async () => {
  const login = (password: string) =>
    c.dockerWith({ input: password }, 'login', '-u', ACCOUNT.user, '--password-stdin', secure.host)
  const wrong = await login('guess')
  expect(wrong.code).toBe(1)
  expect(wrong.stderr).toMatch(
    /login attempt to https:\/\/127\.0\.0\.1:\d+\/v2\/ failed with status: 401 Unauthorized/,
  )
  const right = await login(ACCOUNT.password)
  expect(right).toMatchObject({ code: 0, stdout: expect.stringContaining('Login Succeeded') })
})

test('a private authority is trusted by its folder in certs.d, from the moment it is there', async () => {
  const host = `${SECURE_NAME}:${secure.port}`
  const folder = join(c.home, 'certs.d', host)
  const login = () =>
    c.dockerWith({ input: ACCOUNT.password }, 'login', '-u', ACCOUNT.user, '--password-stdin', host)
  // Not a loopback address, which is never verified; the guest reaches the host's by this one.
  await c.slipway('ssh', `echo "10.0.2.2 ${SECURE_NAME}" >>/etc/hosts`)
  try {
    const refused = 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
    expect(await login()).toMatchObject({ code: 1, stderr: expect.stringContaining(refused) })
    await mkdir(folder)
    await writeFile(join(folder, 'ca.crt'), secure.authority)
    await expect.poll(async () => (await login()).code, { timeout: 30_000 }).toBe(0)
    await c.ok('tag', 'busybox', `${host}/certs/own`)
    await c.ok('push', `${host}/certs/own`)
    await c.ok('rmi', `${host}/certs/own`)
    await c.ok('pull', '-q', `${host}/certs/own`)
    await rm(folder, { recursive: true })
    await expect.poll(async () => (await login()).stderr, { timeout: 30_000 }).toContain(refused)
  } finally {
    await c.docker('rmi', `${host}/certs/own`)
    await c.docker('logout', host)
    await rm(folder, { recursive: true, force: true })
    await c.slipway('ssh', `grep -v ${SECURE_NAME} /etc/hosts >/tmp/hosts; cat /tmp/hosts >/etc/hosts`)
  }
})

test('push and pull need the credentials', async () => {
  const name = `${secure.host}/team/bb`
  await c.ok('tag', 'busybox', name)
  const pushed = await c.ok('push', name)
  expect(pushed).toMatch(/: Pushed\nlatest: digest: sha256:[0-9a-f]{64} size: \d+$/)
  await c.ok('rmi', name)
  await c.ok('pull', '-q', name)
  const stranger = { env: { DOCKER_CONFIG: join(c.home, 'no-config') } }
  const refused = await c.dockerWith(stranger, 'pull', name)
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/no basic auth credentials/) })
  const pushRefused = await c.dockerWith(stranger, 'push', name)
  expect(pushRefused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no basic auth credentials|denied/),
  })
})

test('a layer that a sibling repository has is mounted, and one that is there is not sent', async () => {
  const name = `${secure.host}/other/bb:2`
  await c.ok('tag', 'busybox', name)
  expect(await c.ok('push', name)).toContain(': Mounted from team/bb')
  expect(await c.ok('push', name)).toContain(': Layer already exists')
  await c.ok('rmi', name, `${secure.host}/team/bb`)
})

test('search asks the registry it is told, and says when the hub is out of reach', async () => {
  expect(await c.ok('search', '--format', '{{.Name}}', `${secure.host}/bb`)).toBe(
    `${secure.host}/other/bb\n${secure.host}/team/bb`,
  )
  const hub = await c.docker('search', 'redis')
  expect(hub).toMatchObject({ code: 1, stderr: expect.stringContaining('index.docker.io') })
})

test('an index gives the image of this machine, or of the platform asked for', async () => {
  const own = await image('own')
  const here = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const other = here === 'arm64' ? 'amd64' : 'arm64'
  const foreign = forArchitecture(own, other)
  await pushImage(c.registry.url, 'multi/arch:own', own)
  await pushImage(c.registry.url, 'multi/arch:other', foreign)
  const index = imageIndex([
    { image: foreign, architecture: other },
    { image: own, architecture: here },
  ])
  const put = await fetch(`${c.registry.url}/v2/multi/arch/manifests/latest`, {
    method: 'PUT',
    headers: { 'content-type': index.mediaType },
    body: new Uint8Array(index.data),
  })
  expect(put.status).toBe(201)
  const name = `${c.registry.host}/multi/arch`
  const inspect = () => c.ok('image', 'inspect', '-f', '{{.Architecture}} {{.RepoDigests}}', name)
  expect(await c.ok('pull', name)).toContain(`Digest: ${index.digest}`)
  expect(await inspect()).toBe(`${here} [${name}@${index.digest}]`)
  await c.ok('pull', '-q', '--platform', `linux/${other}`, name)
  expect(await inspect()).toBe(`${other} [${name}@${index.digest}]`)
  const none = await c.docker('pull', '--platform', 'linux/s390x', name)
  expect(none).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no matching manifest for linux/s390x in the manifest list entries'),
  })
  expect(await engine(`/distribution/${name}/json`)).toMatchObject({
    status: 200,
    body: {
      Descriptor: { digest: index.digest, mediaType: index.mediaType },
      Platforms: [{ architecture: other }, { architecture: here }],
    },
  })
  const ids = await c.ok('images', '-aq', '--no-trunc', name)
  await c.ok('rmi', '-f', name, ...new Set(ids.split('\n')))
})

test('zstd layers are unpacked', async () => {
  const name = `${liar.host}/pack/zstd`
  await c.ok('pull', '-q', name)
  await c.ok('create', '--name', 'unpacked', name)
  expect(await c.ok('cp', 'unpacked:/f', '-')).toContain('from zstd')
  await c.clean('unpacked')
  await c.ok('rmi', name)
})

test.each([
  ['old/schema1', /schema 1 support/],
  ['win/foreign', /foreign layer sha256:[0-9a-f]{64} is not supported/],
])('%s is refused with the reason', async (name, reason) => {
  const result = await c.docker('pull', `${liar.host}/${name}`)
  expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(reason) })
  expect(await halfMade()).toBe('')
})

test('two pulls of one layer at once fetch it once', async () => {
  const names = ['one', 'two'].map((name) => `${liar.host}/same/${name}`)
  await c.docker('rmi', ...names)
  asked = 0
  await Promise.all(names.map((name) => c.ok('pull', name)))
  expect(asked).toBe(1)
  await c.ok('rmi', ...names)
})

test('Ctrl+C of a pull leaves nothing half-made', async () => {
  const pull = await stalledPull()
  pull.kill('SIGINT')
  await once(pull, 'close')
  await expect.poll(halfMade, { timeout: 60_000 }).toBe('')
  expect(await c.ok('images', '-q', `${liar.host}/never/ends`)).toBe('')
})

test('an agent killed in the middle of a pull leaves nothing half-made', async () => {
  const pull = await stalledPull()
  await expect.poll(halfMade).not.toBe('')
  const closed = once(pull, 'close')
  await c.slipway('ssh', 'kill -9 $(cat /run/slipway/agent.pid)')
  await closed
  expect(pull.exitCode).not.toBe(0)
  await expect.poll(async () => (await c.docker('version')).code, { timeout: 60_000 }).toBe(0)
  await expect.poll(halfMade, { timeout: 60_000 }).toBe('')
  expect(await c.ok('images', '-q', `${liar.host}/never/ends`)).toBe('')
})
