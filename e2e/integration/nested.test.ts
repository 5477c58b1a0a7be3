import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dockerTools } from '../fixtures/debian.ts'
import { nestedEngine } from '../fixtures/nested-engine.ts'
import { pushImage } from '../fixtures/oci.ts'
import { run } from '../fixtures/slipway.ts'
import { type Context, context } from './context.ts'

/** Engines inside a container, privileged and with mounts, control groups, networks and a packet filter of their own. */
const IMAGE = 'moby/buildkit:buildx-stable-1'

let c: Context
let folder: string
/** The registry of the tests as the VM reaches it. */
let registry: string
const env = { BUILDX_CONFIG: '' }
/** Debian's docker, which has the buildx that it was built with beside it; it must succeed. */
let docker: (...args: string[]) => Promise<string>

beforeAll(async () => {
  c = await context()
  registry = `10.0.2.2:${c.registry.port}`
  folder = await mkdtemp(join(tmpdir(), 'sw-nested-'))
  env.BUILDX_CONFIG = join(folder, 'buildx')
  const tools = await dockerTools()
  docker = async (...args) => {
    const result = await run(tools.docker, args, { env: { ...c.env, ...env }, timeout: 600_000 })
    if (result.code !== 0) throw new Error(`docker ${args.join(' ')}: ${result.code}\n${result.stderr}`)
    return result.stdout + result.stderr
  }
  const plugins = join(c.env['DOCKER_CONFIG'] ?? '', 'cli-plugins')
  await mkdir(c.env['DOCKER_CONFIG'] ?? '', { recursive: true })
  await symlink(tools.plugins, plugins).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
  await pushImage(c.registry.url, IMAGE, await nestedEngine())
  await c.ok('pull', '-q', 'busybox')
}, 900_000)
afterAll(async () => {
  await c.clean('nested')
  await c.docker('volume', 'rm', 'nested')
  await c.docker('rmi', '-f', IMAGE, 'nested:built')
  await rm(folder, { recursive: true, force: true })
})

test('buildx with its container driver boots BuildKit, builds in it and loads the result', async () => {
  await writeFile(
    join(folder, 'Dockerfile'),
    `FROM busybox AS make
RUN ip route | grep default && echo made >/made
FROM busybox
COPY --from=make /made /made
RUN --mount=type=cache,target=/cache --mount=type=secret,id=s cat /run/secrets/s && touch /cache/x
COPY file /file
`,
  )
  await writeFile(join(folder, 'file'), 'from the client\n')
  const option = `env.REGISTRY=${registry}`
  await docker('buildx', 'create', '--name', 'boxed', '--driver', 'docker-container', '--driver-opt', option)
  try {
    await docker('buildx', 'inspect', '--bootstrap', 'boxed')
    // Again: its deadline for the answer counts from before the boot.
    const shown = await docker('buildx', 'inspect', 'boxed')
    expect(shown).toMatch(/Status: +running/)
    expect(shown).toContain('org.mobyproject.buildkit.worker.executor')
    const secret = `id=s,src=${join(folder, 'file')}`
    const build = ['buildx', 'build', '--builder', 'boxed', '--progress=plain', '--secret', secret]
    const built = await docker(...build, '--load', '-t', 'nested:built', folder)
    expect(built).toMatch(/ from the client$/m)
    expect(built).toMatch(/importing to docker/)
    expect(await c.ok('run', '--rm', 'nested:built', 'cat', '/made', '/file')).toBe('made\nfrom the client')
    expect((await docker(...build, folder)).match(/ CACHED$/gm)).toHaveLength(4)
    const state = 'buildx_buildkit_boxed0_state'
    expect(await c.ok('volume', 'ls', '-q', '-f', `name=${state}`)).toBe(state)
  } finally {
    await docker('buildx', 'rm', 'boxed')
  }
  expect(await c.ok('ps', '-aq')).toBe('')
  expect(await c.ok('volume', 'ls', '-q', '-f', 'name=buildx')).toBe('')
}, 900_000)

test('a dockerd in a container runs, limits, publishes and builds', async () => {
  const args = ['-e', `REGISTRY=${registry}`, '-v', 'nested:/var/lib/buildkit']
  await c.ok('run', '-d', '--privileged', '--name', 'nested', ...args, IMAGE)
  const inside = async (script: string) => {
    const result = await c.dockerWith({ timeout: 300_000 }, 'exec', 'nested', 'sh', '-c', script)
    return result.stdout + result.stderr
  }
  await expect
    .poll(() => inside('docker version -f "{{.Server.Os}}"'), { timeout: 120_000, interval: 2000 })
    .toBe('linux\n')
  expect(await inside('docker run --rm -m 64m busybox cat /sys/fs/cgroup/memory.max')).toMatch(
    new RegExp(`^${64 << 20}$`, 'm'),
  )
  const web = 'docker network create inner && docker run -d --name web --net inner -p 8080:80 busybox'
  expect(await inside(`${web} httpd -f -h /etc`)).toMatch(/^[0-9a-f]{64}$/m)
  const address = await c.ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'nested')
  expect(await c.ok('run', '--rm', 'busybox', 'wget', '-qO-', `http://${address}:8080/hostname`)).toMatch(
    /^[0-9a-f]{12}$/,
  )
  expect(await inside('docker run --rm --net inner busybox wget -qO- http://web/hostname')).toMatch(
    /^[0-9a-f]{12}$/m,
  )
  const file = String.raw`printf 'FROM busybox\nRUN echo built >/built\nCMD cat /built\n' >/tmp/Dockerfile`
  const build = 'DOCKER_BUILDKIT=0 docker build -q -t built /tmp'
  expect(await inside(`${file} && ${build} && docker run --rm built`)).toMatch(/^built$/m)
  await c.ok('stop', '-t', '30', 'nested')
  expect(await c.ok('inspect', '-f', '{{.State.ExitCode}}', 'nested')).toBe('0')
}, 900_000)
