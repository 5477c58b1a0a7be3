import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { ask, Stream, UPGRADE } from '../fixtures/engine-socket.ts'
import { gatedRegistry } from '../fixtures/gated-registry.ts'
import { buildImage, layerTar, pushImage } from '../fixtures/oci.ts'
import { type Context, context } from './context.ts'

let c: Context
let socket: string
beforeAll(async () => {
  c = await context()
  socket = join(c.home, 'docker.sock')
  await c.ok('pull', '-q', 'busybox')
  await c.ok('run', '-d', '--name', 'ticker', 'busybox', 'sh', '-c', 'while :; do echo tick; sleep 0.2; done')
})
afterAll(() => c.clean('ticker', 'line'))

const api = (method: string, path: string, body?: unknown) => ask(socket, method, path, body)
const json = async (method: string, path: string, body?: unknown) =>
  JSON.parse((await api(method, path, body)).text)
const open = (head: string, body?: string | Uint8Array) => new Stream(socket, head, body)
const state = async (name: string) => (await json('GET', `/containers/${name}/json`)).State

async function exec(container: string, config: object): Promise<string> {
  return (await json('POST', `/containers/${container}/exec`, { AttachStdout: true, ...config })).Id
}

const startExec = (id: string, options = '{}') =>
  open(
    `POST /v1.51/exec/${id}/start HTTP/1.1${UPGRADE}\nContent-Type: application/json\nContent-Length: ${options.length}`,
    options,
  )

test('attach by websocket: before the start, input and output without frames', async () => {
  await c.ok('create', '-i', '--name', 'line', 'busybox', 'cat')
  const query = 'stream=1&stdin=1&stdout=1'
  const client = new WebSocket(`ws+unix://${socket}:/v1.51/containers/line/attach/ws?${query}`)
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
  await c.ok('start', 'line')
  const answer = new Promise((resolve) => client.once('message', (data) => resolve(String(data))))
  client.send('over the line\n')
  expect(await answer).toBe('over the line\n')
  const closed = new Promise((resolve) => client.once('close', resolve))
  await c.ok('kill', 'line')
  await closed
  await c.clean('line')
})

test('detach keys leave an attached terminal and an exec, which go on', async () => {
  await c.ok('run', '-dit', '--name', 'line', 'busybox', 'sh')
  const keys = 'detachKeys=ctrl-x,x'
  const attached = open(
    `POST /v1.51/containers/line/attach?stream=1&stdin=1&stdout=1&${keys} HTTP/1.1${UPGRADE}\nContent-Length: 0`,
  )
  await attached.seen(/101 UPGRADED/)
  attached.socket.write('\x18x')
  await attached.ended
  expect(await state('line')).toMatchObject({ Running: true })

  const id = await exec('line', { Cmd: ['sh'], AttachStdin: true, Tty: true, DetachKeys: 'ctrl-x,x' })
  const inside = startExec(id, '{"Tty":true}')
  await inside.seen(/\/ # /)
  inside.socket.write('\x18x')
  await inside.ended
  expect(await json('GET', `/exec/${id}/json`)).toMatchObject({ Running: true, ExitCode: null })
  await c.clean('line')
})

test('wait: each condition at its time; a terminal’s size only while there is one', async () => {
  const script = 'until [ -e /over ]; do sleep 1; done; exit 3'
  await c.ok('create', '-t', '--name', 'line', 'busybox', 'sh', '-c', script)
  const wait = (condition: string) => json('POST', `/containers/line/wait?condition=${condition}`)
  expect(await wait('not-running')).toEqual({ StatusCode: 0 })
  const early = await api('POST', '/containers/line/resize?h=30&w=90')
  expect(early.status).toBe(409)
  const [next, removed] = [wait('next-exit'), wait('removed')]
  await c.ok('start', 'line')
  expect((await api('POST', '/containers/line/resize?h=30&w=90')).status).toBe(200)
  await c.ok('exec', 'line', 'touch', '/over')
  expect(await next).toEqual({ StatusCode: 3 })
  expect(await wait('not-running')).toEqual({ StatusCode: 3 })
  await c.ok('rm', 'line')
  expect(await removed).toEqual({ StatusCode: 3 })
  expect((await api('POST', '/containers/line/wait?condition=never')).text).toContain('invalid condition')
})

test('stats: a stream, one sample with another to compare, and one alone', async () => {
  const alone = await json('GET', '/containers/ticker/stats?stream=0&one-shot=1')
  expect(alone.cpu_stats.cpu_usage.total_usage).toBeGreaterThan(0)
  expect(alone.precpu_stats.cpu_usage.total_usage).toBe(0)
  expect(alone.preread).toBe('0001-01-01T00:00:00Z')
  const pair = await json('GET', '/containers/ticker/stats?stream=0')
  expect(pair.precpu_stats.system_cpu_usage).toBeGreaterThan(0)
  expect(pair.cpu_stats.system_cpu_usage).toBeGreaterThan(pair.precpu_stats.system_cpu_usage)
  const stream = open('GET /v1.51/containers/ticker/stats HTTP/1.1')
  await stream.seen(/(?:"read".*){3}/s)
  stream.socket.destroy()
  expect((await api('GET', '/containers/ticker/stats?stream=1&one-shot=1')).status).toBe(400)
})

/** Open files, event listeners and whatever else keeps the engine's loop busy. */
async function load() {
  const { NFd: files, NGoroutines: busy, NEventsListener: listeners } = await json('GET', '/info')
  return { files, busy, listeners }
}

const ROUNDS = 3

test('clients that vanish in the middle of a stream leave nothing open', async () => {
  const layer = await layerTar([{ name: 'random', data: randomBytes(32 * 2 ** 20) }])
  await pushImage(c.registry.url, 'streams/never', buildImage({ config: {}, layers: [layer] }))
  await using registry = await gatedRegistry(c.registry)
  registry.hold()
  const pull = async () => {
    // The one before has let go of the registry, too.
    await expect.poll(() => registry.waiting(), { timeout: 60_000 }).toBe(0)
    return open(`POST /v1.51/images/create?fromImage=${registry.host}/streams/never&tag=latest HTTP/1.1`)
  }
  const context = await layerTar([{ name: 'Dockerfile', data: 'FROM busybox\nRUN sleep 100000\n' }])
  const build = `Content-Type: application/x-tar\nContent-Length: ${context.length}`
  const watch = 'stream=1&stdout=1&stderr=1'
  const kinds: [what: string, start: () => Promise<Stream> | Stream, seen: RegExp][] = [
    ['attach', () => open(`POST /v1.51/containers/ticker/attach?${watch} HTTP/1.1${UPGRADE}`), /tick/],
    ['attach without upgrade', () => open(`POST /v1.51/containers/ticker/attach?${watch} HTTP/1.1`), /tick/],
    ['logs', () => open(`GET /v1.51/containers/ticker/logs?follow=1&stdout=1 HTTP/1.1`), /(?:tick.*){3}/s],
    ['events', () => open('GET /v1.51/events HTTP/1.1'), /200 OK/],
    ['stats', () => open('GET /v1.51/containers/ticker/stats HTTP/1.1'), /"read"/],
    ['wait', () => open('POST /v1.51/containers/ticker/wait HTTP/1.1\nContent-Length: 0'), /200 OK/],
    [
      'exec',
      async () => startExec(await exec('ticker', { Cmd: ['sh', '-c', 'echo up; cat'], AttachStdin: true })),
      /up/,
    ],
    ['pull', pull, /Downloading/],
    ['build', () => open(`POST /v1.51/build?t=never HTTP/1.1\n${build}`, context), /Running in/],
    [
      'build without its context',
      () => open(`POST /v1.51/build HTTP/1.1\n${build}`, context.subarray(0, 600)),
      /^/,
    ],
  ]
  const vanish = async () => {
    for (const [, start, seen] of kinds) {
      const stream = await start()
      await stream.seen(seen)
      stream.socket.destroy()
    }
  }
  // What the engine loads and keeps with the first of a kind is not a leak.
  const containers = await c.ok('ps', '-aq')
  const builtAway = () => expect.poll(() => c.ok('ps', '-aq'), { timeout: 60_000 }).toBe(containers)
  await vanish()
  await builtAway()
  const before = await load()
  for (let round = 0; round < ROUNDS; round++) await vanish()
  await builtAway()
  // Of any kind that leaked there would be ROUNDS more; clients of the engine come and go meanwhile.
  await expect
    .poll(
      async () => {
        const now = await load()
        return {
          files: now.files < before.files + ROUNDS,
          busy: now.busy < before.busy + ROUNDS,
          listeners: now.listeners <= before.listeners,
        }
      },
      { timeout: 60_000, interval: 500 },
    )
    .toEqual({ files: true, busy: true, listeners: true })
  await expect.poll(() => c.ok('top', 'ticker')).not.toContain('cat')
})
