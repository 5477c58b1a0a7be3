import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { GenericContainer, Wait } from 'testcontainers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pushNetTools } from '../fixtures/net-image.ts'
import { layerTar } from '../fixtures/oci.ts'
import { type Context, context } from './context.ts'

let c: Context
let docker: Docker
beforeAll(async () => {
  c = await context()
  docker = new Docker({ socketPath: `${c.home}/docker.sock` })
  process.env['DOCKER_HOST'] = c.env['DOCKER_HOST']
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true'
  process.env['TESTCONTAINERS_HOST_OVERRIDE'] = '127.0.0.1'
  for (const image of ['busybox', 'redis']) await c.ok('pull', '-q', image)
})
afterAll(() => c.clean('dockerode'))

test('dockerode pulls with progress', async () => {
  const stream = await docker.pull('busybox:1.36')
  const messages = await new Promise<{ status: string }[]>((resolve, reject) =>
    docker.modem.followProgress(stream, (error, output) => (error ? reject(error) : resolve(output))),
  )
  expect(messages.at(-1)?.status).toMatch(/^Status: /)
})

test('dockerode builds quietly, and is told the image and nothing else', async () => {
  const context = await layerTar([{ name: 'Dockerfile', data: 'FROM busybox\nLABEL quiet=1\n' }])
  const stream = await docker.buildImage(Readable.from([context]), { q: true, t: 'dockerode/quiet' })
  const messages = (await text(stream)).trim().split('\n')
  const { Id } = await docker.getImage('dockerode/quiet').inspect()
  expect(messages.map((line) => JSON.parse(line))).toEqual([{ stream: `${Id}\n` }])
  await c.ok('rmi', 'dockerode/quiet')
})

test('dockerode runs, execs, follows logs and events, and removes', async () => {
  const events = await docker.getEvents({ filters: { container: ['dockerode'] } })
  const seen: string[] = []
  // One event a line, whatever the pieces are in which they come.
  createInterface(events).on('line', (line) => seen.push(JSON.parse(line).Action))
  const container = await docker.createContainer({
    name: 'dockerode',
    Image: 'busybox',
    Cmd: ['sh', '-c', 'echo started; exec sleep 1000'],
  })
  await container.start()
  const exec = await container.exec({
    Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 4'],
    AttachStdout: true,
    AttachStderr: true,
  })
  const stream = await exec.start({})
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  docker.modem.demuxStream(stream, stdout, stderr)
  stream.on('end', () => {
    stdout.end()
    stderr.end()
  })
  expect(await Promise.all([text(stdout), text(stderr)])).toEqual(['out\n', 'err\n'])
  expect((await exec.inspect()).ExitCode).toBe(4)
  const stats = await container.stats({ stream: false })
  expect(stats.memory_stats.usage).toBeGreaterThan(0)
  await container.remove({ force: true })
  await expect.poll(() => seen).toEqual(expect.arrayContaining(['create', 'start', 'die', 'destroy']))
  events.removeAllListeners()
  ;(events as unknown as { destroy(): void }).destroy()
})

test('dockerode reports errors with Docker’s status codes', async () => {
  await expect(docker.getContainer('nosuch').inspect()).rejects.toMatchObject({ statusCode: 404 })
  await expect(docker.createContainer({ Image: 'nosuch:1' })).rejects.toMatchObject({ statusCode: 404 })
  await expect(docker.createContainer({ name: '?', Image: 'busybox' })).rejects.toMatchObject({
    statusCode: 400,
  })
})

test('testcontainers starts a service, waits for its log and port, and talks to it', async () => {
  await using redis = await new GenericContainer('redis')
    .withExposedPorts(6379)
    .withEnvironment({ A: 'b' })
    .withCopyContentToContainer([{ content: 'copied', target: '/tmp/file' }])
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start()
  expect(redis.getMappedPort(6379)).toBeGreaterThan(1023)
  const socket = connect(redis.getMappedPort(6379), redis.getHost()).end('PING\r\n')
  expect(await text(socket)).toBe('+PONG\r\n')
  expect((await redis.exec(['redis-cli', 'set', 'key1', 'hello'])).output).toContain('OK')
  expect((await redis.exec(['cat', '/tmp/file'])).output).toBe('copied')
})

test('a container that is given the engine’s socket speaks to the engine, whatever path the client knows it by', async () => {
  await pushNetTools(c.registry.url)
  await c.ok('pull', '-q', 'nettools')
  const ask = String.raw`printf 'GET /containers/json HTTP/1.0\r\n\r\n' | socat -t 30 - UNIX:/var/run/docker.sock`
  const target = '/var/run/docker.sock'
  const ways = [
    ['-v', `/var/run/docker.sock:${target}`],
    ['-v', `//var/run/docker.sock:${target}:ro`],
    // What Testcontainers and others take from DOCKER_HOST.
    ['-v', `${c.home}/docker.sock:${target}`],
    ['--mount', `type=bind,src=/run/docker.sock,dst=${target}`],
    ['--mount', `type=bind,src=${c.home}/docker.sock,dst=${target}`],
  ]
  for (const way of ways) {
    const answer = await c.ok('run', '--rm', '--label', 'inside=1', ...way, 'nettools', 'sh', '-c', ask)
    expect(answer, way.join(' ')).toMatch(/^HTTP\/1\.\d 200 OK[\s\S]*"inside":"1"/)
  }
})

test('containers are listed and inspected while others go', async () => {
  const names = Array.from({ length: 6 }, (_, index) => `going${index}`)
  for (const name of names) await docker.createContainer({ name, Image: 'busybox' })
  let gone = false
  const removed = Promise.all(names.map((name) => docker.getContainer(name).remove())).finally(() => {
    gone = true
  })
  while (!gone) {
    const list = await docker.listContainers({ all: true, size: true })
    const inspected = list.map(({ Id }) => docker.getContainer(Id).inspect().catch(String))
    for (const answer of await Promise.all(inspected)) {
      if (typeof answer === 'string') expect(answer).toContain('No such container')
    }
  }
  await removed
})
