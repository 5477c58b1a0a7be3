import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask } from '../fixtures/engine-socket.ts'
import { type HostileRegistry, startHostileRegistry } from '../fixtures/hostile-registry.ts'
import { noise } from '../fixtures/images.ts'
import { buildImage, type Entry, layerTar } from '../fixtures/oci.ts'
import { type Context, context } from './context.ts'

const MIB = 1 << 20

let c: Context
let registry: HostileRegistry
const plain: Entry[] = [{ name: 'hello', data: 'hello' }]
const image = async (...entries: Entry[]) => ({
  image: buildImage({ config: { Cmd: ['/hello'] }, layers: [await layerTar(entries)] }),
})

beforeAll(async () => {
  c = await context()
  registry = await startHostileRegistry({
    'wrong/digest': {
      ...(await image(...plain)),
      tamper: ({ data }) => Buffer.from(data).fill(0, Math.max(0, data.length - 20)),
    },
    'wrong/size': { ...(await image(...plain)), tamper: ({ data }) => data.subarray(0, -5) },
    'path/dotdot': await image({ name: '../../../../escape', data: 'x' }),
    'path/absolute': await image({ name: '/etc/../../escape', data: 'x' }),
    'path/symlink': await image(
      { name: 'out', type: 'symlink', linkname: '/var/lib' },
      { name: 'out/slipway/escape', data: 'x' },
      { name: 'up', type: 'symlink', linkname: '../../../../..' },
      { name: 'up/escape', data: 'x' },
    ),
    // Four megabytes that cannot be made smaller, and zeros that come as next to nothing.
    'room/needed': await image({ name: 'noise', data: noise(4 * MIB, 3) }),
    'room/bomb': await image({ name: 'zeros', data: new Uint8Array(192 * MIB) }),
    'path/hardlink': await image({ name: 'shadow', type: 'link', linkname: '../../../../etc/passwd' }),
  })
})
afterAll(() => registry[Symbol.asyncDispose]())

/** What the data disk holds of half-made things: blobs being written, active snapshots without a container. */
async function leftovers(): Promise<string> {
  const find =
    'ls -A /var/lib/slipway/content/ingest; find / -xdev -name "escape*" -not -path "/proc/*"; ls /var/lib/escape* /escape* 2>/dev/null'
  return (await c.slipway('ssh', find)).stdout.trim()
}

test.each(['wrong/digest', 'wrong/size'])(
  '%s: the pull fails, names the blob, and nothing is kept',
  async (name) => {
    const result = await c.docker('pull', `${registry.host}/${name}`)
    expect(result.code).toBe(1)
    expect(result.stderr).toMatch(/sha256:[0-9a-f]{12}|digest|size|unexpected EOF/)
    expect(await c.ok('images', '-q', `${registry.host}/${name}`)).toBe('')
    expect(await leftovers()).toBe('')
  },
)

test.each(['path/dotdot', 'path/absolute', 'path/hardlink'])(
  '%s: a layer that reaches out of its root is refused by name',
  async (name) => {
    const result = await c.docker('pull', `${registry.host}/${name}`)
    expect(result.code).toBe(1)
    expect(result.stderr).toMatch(/escape|etc\/passwd/)
    expect(await c.ok('images', '-q', `${registry.host}/${name}`)).toBe('')
    expect(await leftovers()).toBe('')
  },
)

test('path/symlink: links of the layer lead where they would in the image, nothing gets out', async () => {
  const name = `${registry.host}/path/symlink`
  await c.ok('pull', '-q', name)
  await c.ok('create', '--name', 'inside', name)
  for (const path of ['/var/lib/slipway/escape', '/escape']) {
    expect((await c.dockerWith({}, 'cp', `inside:${path}`, '-')).stdout).toContain('escape')
  }
  const outside = await c.slipway('ssh', 'ls /escape /var/lib/slipway/escape /var/lib/escape 2>&1')
  expect(outside.stdout.match(/No such file/g)).toHaveLength(3)
  await c.clean('inside')
  await c.ok('rmi', name)
})

/** Fills the data disk up to what is left to containers, in KiB, with the volume `ballast`. */
async function fillUpTo(kib: number): Promise<void> {
  const script = `free=$(df -Pk /d | tail -1 | tr -s " " | cut -d" " -f4); fallocate -l $((free - ${kib}))K /d/$$.${kib}`
  await c.ok('run', '--rm', '-v', 'ballast:/d', 'busybox', 'sh', '-c', script)
}

/** Bytes that containers may still write, and those that only the engine may. */
async function room(): Promise<{ free: number; reserve: number }> {
  const { stdout } = await c.slipway('ssh', 'stat -f -c "%a %f %S" /var/lib/slipway')
  const [available = 0, all = 0, size = 0] = stdout.trim().split(' ').map(Number)
  return { free: available * size, reserve: (all - available) * size }
}

test('a full data disk: pull and write fail with the cause, and all works again when there is room', async () => {
  const [needed, bomb] = [`${registry.host}/room/needed`, `${registry.host}/room/bomb`]
  await c.ok('pull', '-q', 'busybox')
  await c.ok('volume', 'create', 'ballast')
  try {
    await fillUpTo(96 * 1024)
    const before = await room()
    const burst = await c.docker('pull', bomb)
    expect(burst).toMatchObject({ code: 1, stderr: expect.stringMatching(/no space left on device/i) })
    expect(await c.ok('images', '-q', bomb)).toBe('')
    const after = await room()
    expect(after.free).toBeGreaterThan(before.free - 8 * MIB)
    expect(after.reserve).toBeGreaterThan(60 * MIB)
    await fillUpTo(256)
    const write = await c.docker('run', '--rm', 'busybox', 'dd', 'if=/dev/zero', 'of=/x', 'bs=1M', 'count=64')
    expect(write.code).not.toBe(0)
    expect(write.stderr).toMatch(/No space left on device/i)
    const pull = await c.docker('pull', needed)
    expect(pull).toMatchObject({ code: 1, stderr: expect.stringMatching(/no space left on device/i) })
    expect(await c.ok('images', '-q', needed)).toBe('')
  } finally {
    await c.docker('volume', 'rm', '-f', 'ballast')
  }
  await c.ok('pull', '-q', needed)
  await c.ok('rmi', needed)
})

test('unusable flags are refused in Docker’s words and make nothing', async () => {
  const before = await c.ok('ps', '-aq')
  const cases: [string[], RegExp][] = [
    [['-v', 'relative:/x:badmode'], /invalid mode: badmode/],
    [['--network', 'nosuch'], /network nosuch not found/],
    [['-m', '1m'], /Minimum memory limit allowed is 6MB/],
    [['--cpus', '1000'], /[Rr]ange of CPUs is from 0.01 to/],
    [['-u', 'nosuch'], /unable to find user nosuch: no matching entries in passwd file/],
    [['-w', 'relative'], /the working directory 'relative' is invalid, it needs to be an absolute path/],
    [['--cap-add', 'NOSUCH'], /unknown capability: "CAP_NOSUCH"/],
  ]
  for (const [flags, message] of cases) {
    const result = await c.docker('run', '--rm', ...flags, 'busybox', 'true')
    expect(result, flags.join(' ')).toMatchObject({ code: 125, stderr: expect.stringMatching(message) })
  }
  expect(await c.ok('ps', '-aq')).toBe(before)
})

test('requests that cannot be are answered with dockerd’s status and words', async () => {
  const filter = (name: string, ...values: string[]) =>
    `filters=${encodeURIComponent(JSON.stringify({ [name]: values }))}`
  const endpoint = (settings: object) => ({
    Image: 'busybox',
    NetworkingConfig: { EndpointsConfig: { words: settings } },
  })
  const subnets =
    'user specified IP address is supported only when connecting to networks with user configured subnets'
  const settings = 'invalid config for network words: invalid endpoint settings:\n'
  const cases: [method: string, path: string, body: unknown, status: number, answer: string][] = [
    [
      'POST',
      '/containers/create',
      endpoint({ IPAMConfig: { IPv4Address: 'x' } }),
      400,
      `${settings}* invalid IPv4 address: x\n* ${subnets}`,
    ],
    [
      'POST',
      '/containers/create',
      endpoint({ IPAMConfig: { IPv4Address: '1.2.3.4' } }),
      400,
      settings + subnets,
    ],
    ['POST', '/networks/words/connect', {}, 400, 'invalid name or ID supplied: ""'],
    [
      'POST',
      '/networks/host/connect',
      { Container: 'wordy' },
      400,
      'cannot connect container to host network - container must be created in host network mode',
    ],
    [
      'POST',
      '/networks/words/disconnect',
      { Container: 'wordy' },
      500,
      'is not connected to the network words',
    ],
    ['POST', '/networks/create', { Name: 'n2', Driver: 'overlay' }, 403, 'This node is not a swarm manager.'],
    [
      'POST',
      '/networks/create',
      { Name: 'n2', Internal: 'x' },
      400,
      'field CreateRequest.Internal of type bool',
    ],
    ['GET', `/networks?${filter('type', 'x')}`, undefined, 500, "invalid filter: 'type'='x'"],
    ['POST', `/networks/prune?${filter('until', '1h', '2h')}`, undefined, 400, 'more than one until filter'],
    ['GET', '/images/nosuch/get', undefined, 404, '{"message":"No such image: nosuch"}'],
    ['GET', '/images/UPPER/get', undefined, 500, 'must be lowercase'],
    ['POST', '/images/UPPER/tag?repo=x&tag=y', undefined, 404, 'must be lowercase'],
    ['POST', '/images/busybox/tag?repo=x&tag=bad%20tag', undefined, 400, 'invalid tag format'],
    ['POST', '/images/nosuch/push', undefined, 200, 'An image does not exist locally with the tag: nosuch'],
    ['POST', '/images/create', undefined, 500, 'http: no Host in request URL'],
    ['GET', `/images/json?${filter('reference', '[')}`, undefined, 500, 'syntax error in pattern'],
    ['POST', `/images/prune?${filter('until', '1h', '2h')}`, undefined, 500, 'more than one until filter'],
    ['POST', `/build/prune?${filter('until', '1h', '2h')}`, undefined, 400, 'filters expect only one value'],
    ['POST', '/build?buildargs=x', undefined, 400, 'error reading build args: invalid character'],
    ['POST', '/build/cancel?id=nosuch', undefined, 200, ''],
  ]
  await c.ok('network', 'create', 'words')
  await c.ok('create', '--name', 'wordy', 'busybox')
  for (const [method, path, body, status, answer] of cases) {
    const found = await ask(join(c.home, 'docker.sock'), method, path, body)
    expect(found, `${method} ${path}`).toMatchObject({
      status,
      text: expect.stringContaining(answer.startsWith('{') ? answer : JSON.stringify(answer).slice(1, -1)),
    })
  }
  await c.clean('wordy')
  await c.ok('network', 'rm', 'words')
})
