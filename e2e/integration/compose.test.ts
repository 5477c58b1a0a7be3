import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { freePort } from '../fixtures/registry.ts'
import { type Result, run } from '../fixtures/slipway.ts'
import { type Context, context, dockerWithCompose } from './context.ts'

let c: Context
let docker: string
let project: string | undefined
beforeAll(async () => {
  c = await context()
  docker = await dockerWithCompose(c)
  for (const image of ['busybox', 'nginx', 'redis']) await c.ok('pull', '-q', image)
})
afterEach(async () => {
  if (!project) return
  await compose('--profile', '*', 'down', '-v', '-t', '0', '--remove-orphans')
  await rm(project, { recursive: true, force: true })
  project = undefined
})

/** A project folder of these files; compose.yaml among them. */
async function files(contents: Record<string, string>): Promise<void> {
  project = await mkdtemp(join(tmpdir(), 'slipway-compose-'))
  for (const [name, text] of Object.entries(contents)) await writeFile(join(project, name), text)
}

function compose(...args: string[]): Promise<Result> {
  return run(
    docker,
    [
      'compose',
      '--project-directory',
      project ?? '',
      '-f',
      join(project ?? '', 'compose.yaml'),
      '--progress',
      'quiet',
      ...args,
    ],
    {
      env: c.env,
    },
  )
}

async function up(...args: string[]): Promise<void> {
  const result = await compose('up', '-d', ...args)
  if (result.code !== 0)
    throw new Error(`compose up: exit code ${result.code}\n${result.stderr}${result.stdout}`)
}

test('a web server and its client find each other by service name', async () => {
  const port = await freePort()
  await files({
    'compose.yaml': `
services:
  web: { image: nginx, ports: ["${port}:80"] }
  client: { image: busybox, command: sleep 1000, depends_on: [web] }
`,
  })
  await up()
  await expect
    .poll(async () => (await compose('exec', '-T', 'client', 'wget', '-qO-', 'http://web/')).stdout)
    .toContain('Welcome to nginx!')
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('Welcome to nginx!')
  expect((await compose('port', 'web', '80')).stdout.trim()).toBe(`127.0.0.1:${port}`)
  expect((await compose('ps', '--format', '{{.Ports}}', 'web')).stdout).toContain(`127.0.0.1:${port}->80/tcp`)
  expect(
    (await compose('ps', '--format', '{{.Service}} {{.State}}')).stdout.trim().split('\n').sort(),
  ).toEqual(['client running', 'web running'])
})

test('depends_on waits for a health check', async () => {
  await files({
    'compose.yaml': `
services:
  store:
    image: redis
    healthcheck: { test: ["CMD", "redis-cli", "ping"], interval: 1s, retries: 30 }
  app:
    image: redis
    command: redis-cli -h store set key1 hello
    depends_on: { store: { condition: service_healthy } }
`,
  })
  await up()
  // `app` was started; what it says may come a moment later.
  await expect
    .poll(async () => (await compose('exec', '-T', 'store', 'redis-cli', 'get', 'key1')).stdout)
    .toBe('hello\n')
})

test('a service is scaled and each copy answers', async () => {
  await files({ 'compose.yaml': 'services:\n  worker: { image: busybox, command: sleep 1000 }\n' })
  await up('--scale', 'worker=3')
  expect((await compose('ps', '-q')).stdout.trim().split('\n')).toHaveLength(3)
  await up('--scale', 'worker=1')
  expect((await compose('ps', '-q')).stdout.trim().split('\n')).toHaveLength(1)
})

test('a named volume outlives down and goes with down -v', async () => {
  await files({
    'compose.yaml': `
services:
  write: { image: busybox, command: sh -c 'echo kept >>/data/f; cat /data/f', volumes: ["data:/data"] }
volumes: { data: {} }
`,
  })
  expect((await compose('run', '--rm', 'write')).stdout).toBe('kept\n')
  expect((await compose('down')).code).toBe(0)
  expect((await compose('run', '--rm', 'write')).stdout).toBe('kept\nkept\n')
})

test('networks keep services apart; aliases and profiles work', async () => {
  await files({
    'compose.yaml': `
services:
  inner: { image: nginx, networks: { back: { aliases: [hidden] } } }
  outer: { image: busybox, command: sleep 1000, networks: [front] }
  bridge: { image: busybox, command: sleep 1000, networks: [front, back] }
  extra: { image: busybox, command: sleep 1000, profiles: [debug] }
networks: { front: {}, back: {} }
`,
  })
  await up()
  await expect
    .poll(async () => (await compose('exec', '-T', 'bridge', 'wget', '-qO-', 'http://hidden/')).stdout)
    .toContain('Welcome to nginx!')
  expect((await compose('exec', '-T', 'outer', 'wget', '-T', '2', '-qO-', 'http://hidden/')).code).not.toBe(0)
  expect((await compose('ps', '--services')).stdout).not.toContain('extra')
  await up('extra')
  expect((await compose('ps', '--services')).stdout).toContain('extra')
})

test('environment, configs by bind mount, logs and restart', async () => {
  await files({
    '.env': 'GREETING=hello\n',
    'compose.yaml': `
services:
  say: { image: busybox, command: sh -c 'echo $$WORD; sleep 1000', environment: { WORD: "\${GREETING}" }, stop_grace_period: 0s }
`,
  })
  await up()
  await expect.poll(async () => (await compose('logs', '--no-log-prefix', 'say')).stdout).toContain('hello')
  expect((await compose('restart', '-t', '0')).code).toBe(0)
  await expect
    .poll(async () => (await compose('logs', '--no-log-prefix', 'say')).stdout.match(/hello/g)?.length)
    .toBe(2)
})

test('a service is built from its folder', async () => {
  await files({
    Dockerfile: 'FROM busybox\nARG WHO=nobody\nRUN echo "built for $WHO" >/built\nCMD ["cat", "/built"]\n',
    'compose.yaml':
      'services:\n  made: { build: { context: ., args: { WHO: tests } }, image: "compose-made" }\n',
  })
  const built = await run(docker, ['compose', '-f', join(project ?? '', 'compose.yaml'), 'build'], {
    env: { ...c.env, DOCKER_BUILDKIT: '0' },
  })
  expect(built.stderr + built.stdout).toContain('Successfully tagged compose-made')
  expect((await compose('run', '--rm', 'made')).stdout).toBe('built for tests\n')
  await c.docker('rmi', '-f', 'compose-made')
})
