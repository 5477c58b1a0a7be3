import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BZIP2, XZ, ZSTD } from '../fixtures/compressed.ts'
import { execute } from '../fixtures/debian.ts'
import { noise } from '../fixtures/images.ts'
import { buildImage, layerTar } from '../fixtures/oci.ts'
import { type Context, context } from './context.ts'

let c: Context
let folder: string
const file = (name: string) => join(folder, name)
beforeAll(async () => {
  c = await context()
  folder = await mkdtemp(join(tmpdir(), 'sw-archives-'))
  await c.ok('pull', '-q', 'busybox')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('save and load: several images in one archive, names and ids kept, shared layers once', async () => {
  await c.ok('run', '--name', 'maker', 'busybox', 'sh', '-c', 'echo more >/more; rm /bin/vi')
  const id = await c.ok('commit', '-c', 'CMD ["cat", "/more"]', 'maker', 'arch/more:1')
  await c.ok('tag', 'arch/more:1', 'arch/more:2')
  await c.ok('tag', 'busybox', 'arch/base')
  await c.clean('maker')
  await c.ok('save', '-o', file('two.tar'), 'arch/more:1', 'arch/more:2', 'arch/base')
  const { stdout } = await execute('tar', ['-xOf', file('two.tar'), 'manifest.json'])
  const manifest: { Config: string; RepoTags: string[]; Layers: string[] }[] = JSON.parse(stdout)
  const more = manifest.find(({ RepoTags }) => RepoTags.includes('arch/more:1'))
  const base = manifest.find(({ RepoTags }) => RepoTags.includes('arch/base:latest'))
  expect(more?.RepoTags).toEqual(['arch/more:1', 'arch/more:2'])
  expect(more?.Layers[0]).toBe(base?.Layers[0])
  await c.ok('rmi', 'arch/more:1', 'arch/more:2', 'arch/base')
  expect(await c.ok('load', '-i', file('two.tar'))).toMatch(
    /^(Loaded image: arch\/(more:1|more:2|base:latest)\n?){3}$/,
  )
  expect(await c.ok('image', 'inspect', '-f', '{{.Id}}', 'arch/more:2')).toBe(id)
  expect(await c.ok('run', '--rm', 'arch/more:1')).toBe('more')
  expect((await c.docker('run', '--rm', 'arch/more:1', 'test', '-e', '/bin/vi')).code).toBe(1)
  await c.ok('rmi', 'arch/more:1', 'arch/more:2', 'arch/base')
})

test('load takes an OCI layout, compressed, from standard input', async () => {
  const image = buildImage({
    config: { Cmd: ['/f'] },
    layers: [await layerTar([{ name: 'f', data: 'from a layout' }])],
  })
  const blobs = [image.manifest, image.config, ...image.layers]
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        mediaType: image.manifest.mediaType,
        digest: image.manifest.digest,
        size: image.manifest.data.length,
        annotations: { 'io.containerd.image.name': 'docker.io/arch/layout:1' },
      },
    ],
  }
  const archive = await layerTar([
    { name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', data: JSON.stringify(index) },
    ...blobs.map(({ digest, data }) => ({ name: `blobs/${digest.replace(':', '/')}`, data })),
  ])
  await writeFile(file('layout.tar'), archive)
  await execute('gzip', [file('layout.tar')])
  await c.piped(['load'], { input: file('layout.tar.gz') })
  await c.ok('create', '--name', 'laid', 'arch/layout:1')
  expect(await c.ok('cp', 'laid:/f', '-')).toContain('from a layout')
  await c.clean('laid')
  await c.ok('rmi', 'arch/layout:1')
})

test('what is no archive is refused and leaves nothing', async () => {
  await writeFile(file('noise'), noise(1 << 20, 1))
  await writeFile(file('other.tar'), await layerTar([{ name: 'readme', data: 'hello' }]))
  const before = await c.ok('images', '-aq')
  for (const name of ['noise', 'other.tar']) {
    expect((await c.docker('load', '-i', file(name))).code, name).toBe(1)
  }
  expect(await c.ok('images', '-aq')).toBe(before)
})

test('export and import: one flat layer, with changes', async () => {
  await c.ok('run', '--name', 'flat', 'busybox', 'sh', '-c', 'echo flat >/flat; rm /bin/vi')
  await c.ok('export', '-o', file('flat.tar'), 'flat')
  await c.clean('flat')
  const { stdout: names } = await execute('tar', ['-tf', file('flat.tar')], { maxBuffer: 64 << 20 })
  expect(names.split('\n')).toEqual(expect.arrayContaining(['flat', 'bin/busybox']))
  expect(names).not.toMatch(/\.wh\.|^bin\/vi$/m)
  const changes = ['-c', 'ENV LANG=ko_KR.UTF-8', '-c', 'CMD ["sh", "-c", "echo $LANG; cat /flat"]']
  const id = await c.ok('import', ...changes, '-m', 'made flat', file('flat.tar'), 'arch/flat')
  expect(id).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(await c.ok('run', '--rm', 'arch/flat')).toBe('ko_KR.UTF-8\nflat')
  expect(await c.ok('history', '--format', '{{.Comment}}', 'arch/flat')).toBe('made flat')
  await c.ok('rmi', 'arch/flat')
})

test('commit: author, message, changes; history tells it, the newest first', async () => {
  await c.ok('run', '--name', 'kept', 'busybox', 'sh', '-c', 'echo 1 >/one')
  const changes = [
    'ENV A=1 B="two words"',
    'EXPOSE 8080/tcp',
    'LABEL stage=test',
    'WORKDIR /tmp',
    'USER nobody',
    'VOLUME /data',
    'ENTRYPOINT ["cat"]',
    'CMD ["/one"]',
  ]
  const flags = changes.flatMap((change) => ['-c', change])
  await c.ok('commit', '-a', 'Anna <anna@example.com>', '-m', 'adds one', ...flags, 'kept', 'arch/kept')
  const inspected = JSON.parse(await c.ok('image', 'inspect', '-f', '{{json .}}', 'arch/kept'))
  expect(inspected).toMatchObject({ Author: 'Anna <anna@example.com>', Comment: 'adds one' })
  expect(inspected.Config).toMatchObject({
    Env: expect.arrayContaining(['A=1', 'B=two words']),
    ExposedPorts: { '8080/tcp': {} },
    Labels: { stage: 'test' },
    WorkingDir: '/tmp',
    User: 'nobody',
    Volumes: { '/data': {} },
    Entrypoint: ['cat'],
    Cmd: ['/one'],
  })
  expect(await c.ok('run', '--rm', 'arch/kept')).toBe('1')
  expect(await c.ok('history', '--format', '{{.Comment}}|{{.CreatedBy}}', '--no-trunc', 'arch/kept')).toBe(
    'adds one|sh -c echo 1 >/one\n|ADD busybox.tar in /',
  )
  const bad = await c.docker('commit', '-c', 'FROM x', 'kept')
  expect(bad).toMatchObject({ code: 1, stderr: expect.stringMatching(/FROM is not a valid change command/i) })
  await c.clean('kept')
  await c.ok('rmi', 'arch/kept')
})

test('commit of a container that changed nothing adds no layer', async () => {
  await c.ok('run', '--name', 'same', 'busybox', 'true')
  await c.ok('commit', 'same', 'arch/same')
  const layers = ['image', 'inspect', '-f', '{{json .RootFS.Layers}}']
  expect(await c.ok(...layers, 'arch/same')).toBe(await c.ok(...layers, 'busybox'))
  expect(await c.ok('history', '--format', '{{.CreatedBy}}|{{.Size}}', 'arch/same')).toMatch(/^true\|0B\n/)
  await c.clean('same')
  await c.ok('rmi', 'arch/same')
})

test('commit pauses a running container and says so, and takes one that ends meanwhile as it is', async () => {
  await c.ok('run', '-d', '--name', 'kept', 'busybox', 'sleep', '1000')
  const since = await c.ok('info', '-f', '{{.SystemTime}}')
  await c.ok('commit', 'kept', 'arch/kept')
  const until = await c.ok('info', '-f', '{{.SystemTime}}')
  const events = ['events', '--since', since, '--until', until, '--filter', 'container=kept']
  expect(await c.ok(...events, '--format', '{{.Action}}')).toBe('pause\ncommit\nunpause')
  expect(await c.ok('inspect', '-f', '{{.State.Status}}', 'kept')).toBe('running')
  await c.clean('kept')
  for (const wait of ['0', '0.1']) {
    await c.ok('run', '-d', '--name', 'kept', 'busybox', 'sleep', wait)
    await c.ok('commit', 'kept', 'arch/kept')
    await c.clean('kept')
  }
  await c.ok('rmi', 'arch/kept')
})

test('import fetches an archive from a URL, and says what it does', async () => {
  const archive = await layerTar([{ name: 'f', data: 'from afar' }])
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/root.tar' ? 200 : 404
    response.end(request.url === '/root.tar' ? archive : 'nothing')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Where QEMU's user network has this computer.
  const base = `10.0.2.2:${(server.address() as AddressInfo).port}`
  const imported = await c.ok('import', `http://${base}/root.tar`, 'arch/afar')
  expect(imported).toMatch(/Downloading from http:.*sha256:[0-9a-f]{64}$/s)
  await c.ok('create', '--name', 'afar', 'arch/afar', '/f')
  expect(await c.ok('cp', 'afar:/f', '-')).toContain('from afar')
  const missing = await c.docker('import', `http://${base}/nothing`)
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('with status 404') })
  server.close()
  await c.clean('afar')
  await c.ok('rmi', 'arch/afar')
})

test('archives for a container may be packed as they like', async () => {
  await c.ok('create', '--name', 'packed', 'busybox')
  for (const [name, packed] of Object.entries({ BZIP2, XZ, ZSTD })) {
    const status = await new Promise((resolve, reject) => {
      const path = '/v1.51/containers/packed/archive?path=/tmp'
      const sent = request({ socketPath: join(c.home, 'docker.sock'), method: 'PUT', path }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      })
      sent.on('error', reject).end(Buffer.from(packed, 'base64'))
    })
    expect(status, name).toBe(200)
    expect(await c.ok('cp', 'packed:/tmp', '-'), name).toContain('unpacked')
  }
  await c.clean('packed')
})
