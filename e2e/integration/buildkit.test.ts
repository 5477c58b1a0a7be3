import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { dockerTools } from '../fixtures/debian.ts'
import { layerTar } from '../fixtures/oci.ts'
import { freePort } from '../fixtures/registry.ts'
import { ACCOUNT, startPrivateRegistry } from '../fixtures/secure-registry.ts'
import { type Result, run } from '../fixtures/slipway.ts'
import { type Context, context } from './context.ts'

/** docker build as the stock CLI does it since Docker 23: through the buildx plugin, which speaks BuildKit's protocol. */
let c: Context
let docker: string
let folder: string
let count = 0
beforeAll(async () => {
  c = await context()
  const tools = await dockerTools()
  docker = tools.docker
  await mkdir(c.env['DOCKER_CONFIG'] ?? '', { recursive: true })
  await symlink(tools.plugins, join(c.env['DOCKER_CONFIG'] ?? '', 'cli-plugins')).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
  folder = await mkdtemp(join(tmpdir(), 'sw-buildkit-'))
  await c.ok('pull', '-q', 'busybox')
})
beforeEach(async ({ task }) => {
  // A try before has left in the cache what this one wants to see made.
  if (task.result?.retryCount) await buildx('prune', '-af')
})
afterAll(async () => {
  await buildx('prune', '-af')
  await rm(folder, { recursive: true, force: true })
})

/** A folder of these files. */
async function folderOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const path = join(folder, String(count++))
  for (const [name, data] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), data)
  }
  return path
}

const cli = (args: string[], input?: string) =>
  run(docker, args, { env: c.env, ...(input === undefined ? {} : { input }) })
const buildx = (...args: string[]) => cli(['buildx', ...args])
const build = (...args: string[]) => cli(['build', '--progress=plain', ...args])

/** What it said, which is on stderr; it must succeed. */
async function built(...args: string[]): Promise<string> {
  return succeeded(await build(...args)).stderr
}

function succeeded(result: Result): Result {
  if (result.code !== 0) throw new Error(`exit code ${result.code}\n${result.stderr}${result.stdout}`)
  return result
}

test('docker build: context, stages, arguments, secrets, cache; only the result is an image', async () => {
  const path = await folderOf({
    Dockerfile: `# syntax=docker/dockerfile:1
FROM busybox AS make
ARG V=1
RUN echo made-$V >/made
FROM busybox AS unused
RUN false
FROM busybox
LABEL b=1
WORKDIR /w
COPY --from=make /made /made
COPY . .
RUN --mount=type=secret,id=s,required=true <<EOF
cat /run/secrets/s
find . | sort
EOF
CMD ["sh", "-c", "cat /made; stat -c %a run.sh; readlink d/link"]
`,
    '.dockerignore': 'skip*\n!skipnot\nDockerfile\n',
    skipme: '',
    skipnot: '',
    'run.sh': '',
    'd/ünïcode': '',
    secret: 'from the client',
  })
  await chmod(join(path, 'run.sh'), 0o751)
  await symlink('../run.sh', join(path, 'd/link'))
  const before = await c.ok('images', '-q')
  const args = [
    '--secret',
    `id=s,src=${join(path, 'secret')}`,
    '--build-arg',
    'V=7',
    '--label',
    'l=v',
    '-t',
    'bk',
  ]
  const first = await built(...args, path)
  expect(first).toMatch(/ \[make 2\/2\] RUN echo made-\$V/)
  expect(first).toMatch(/ \[stage-2 4\/5\] COPY \. \./)
  expect(first).toMatch(/ from the client\.\n/)
  expect(first.match(/^#\d+ [\d.]+ \.\/.*$/gm)?.map((line) => line.replace(/^\S+ \S+ /, ''))).toEqual([
    './.dockerignore',
    './d',
    './d/link',
    './d/ünïcode',
    './run.sh',
    './secret',
    './skipnot',
  ])
  expect(first).toMatch(/ exporting to image\n.*\n.* naming to (docker.io\/library\/)?bk/)
  expect(first).not.toContain('unused')
  expect(await c.ok('run', '--rm', 'bk')).toBe('made-7\n751\n../run.sh')
  expect(await c.ok('image', 'inspect', '-f', '{{json .Config.Labels}}', 'bk')).toBe('{"b":"1","l":"v"}')
  const again = await built(...args, path)
  expect(again.match(/CACHED/g)).toHaveLength(7)
  expect((await c.ok('images', '-q')).split('\n')).toHaveLength(before.split('\n').length + 1)
  await c.ok('rmi', 'bk')
})

test('of a context that was sent before only what has changed comes again', async () => {
  const noise = randomBytes(3 << 20)
  const path = await folderOf({ Dockerfile: 'FROM busybox\nCOPY . /in\n', 'd/noise': noise, small: 'one' })
  const units: Record<string, number> = { B: 1, kB: 1e3, MB: 1e6 }
  const sent = async () => {
    const said = await built('-t', 'bk:kept', path)
    const all = [...said.matchAll(/transferring context: ([\d.]+)(k?B|MB)/g)]
    return all.map(([, count, unit]) => Number(count) * (units[unit ?? ''] ?? 1))
  }
  expect(Math.max(...(await sent()))).toBeGreaterThan(3e6)
  await writeFile(join(path, 'small'), 'two')
  expect(Math.max(...(await sent()))).toBeLessThan(1e5)
  const hash = createHash('sha256').update(noise).digest('hex')
  expect(await c.ok('run', '--rm', 'bk:kept', 'sh', '-c', 'sha256sum /in/d/noise; cat /in/small')).toBe(
    `${hash}  /in/d/noise\ntwo`,
  )
  expect(succeeded(await buildx('du', '--verbose')).stdout).toMatch(/Description:\s+local source for context/)
  expect(succeeded(await buildx('prune', '-af', '--filter', 'type=source.local')).stdout).toMatch(
    /Total:\s+3\.\d+MB/,
  )
  expect(Math.max(...(await sent()))).toBeGreaterThan(3e6)
  await c.ok('rmi', 'bk:kept')
})

test('a step that fails says so; a build that is given up leaves nothing', async () => {
  const failing = await folderOf({ Dockerfile: 'FROM busybox\nRUN echo said; exit 42\n' })
  expect(await build(failing)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      / said\n[\s\S]*ERROR: failed to solve: process "\/bin\/sh -c echo said; exit 42" did not complete successfully: exit code: 42\n/,
    ),
  })
  const missing = await folderOf({ Dockerfile: 'FROM busybox\nCOPY nosuch /\n' })
  expect((await build(missing)).stderr).toMatch(
    />>> COPY nosuch \/\n[\s\S]*ERROR: failed to solve: .*"\/nosuch": not found/,
  )
  const slow = await folderOf({ Dockerfile: 'FROM busybox\nRUN echo begun; sleep 600\n' })
  const child = spawn(docker, ['build', '--progress=plain', slow], { env: { ...process.env, ...c.env } })
  const ended = new Promise((resolve) => child.once('close', resolve))
  let said = ''
  for await (const chunk of child.stderr.setEncoding('utf8')) {
    said += chunk
    if (/^#\d+ [\d.]+ begun$/m.test(said)) child.kill('SIGINT')
  }
  expect(await ended).not.toBe(0)
  await expect.poll(() => c.ok('ps', '-aq'), { timeout: 30_000 }).toBe('')
})

test('contexts from standard input; results as id, folder and tar', async () => {
  const path = await folderOf({ f: 'in the folder' })
  const file = 'FROM busybox\nCOPY f /f\nRUN cat /f; echo\n'
  const tar = await layerTar([
    { name: 'Dockerfile', data: file },
    { name: 'f', data: 'in the tar' },
  ])
  await writeFile(join(folder, 'context.tar'), tar)
  const sh = `exec "$0" build --progress=plain --iidfile "$1/iid" - <"$1/context.tar"`
  const uploaded = succeeded(await run('sh', ['-c', sh, docker, folder], { env: c.env }))
  expect(uploaded.stderr).toMatch(/ in the tar$/m)
  expect(await readFile(join(folder, 'iid'), 'utf8')).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(succeeded(await cli(['build', '--progress=plain', '-f', '-', path], file)).stderr).toMatch(
    / in the folder$/m,
  )
  const result = await folderOf({
    Dockerfile: `FROM busybox AS make
RUN mkdir -p /o/d && echo one >/o/a && chmod 751 /o/a && ln -s a /o/l && head -c 100000 /dev/zero >/o/d/big
FROM scratch
COPY --from=make /o /
`,
  })
  const output = join(folder, 'output')
  await built('-o', output, result)
  expect((await readdir(output, { recursive: true })).sort()).toEqual(['a', 'd', 'd/big', 'l'])
  expect((await stat(join(output, 'a'))).mode & 0o777).toBe(0o751)
  expect((await stat(join(output, 'd/big'))).size).toBe(100_000)
  const list = 'exec "$0" build -q -o type=tar,dest=- "$1" | tar -t | sort'
  expect((await run('sh', ['-c', list, docker, result], { env: c.env })).stdout).toBe('a\nd/\nd/big\nl\n')
})

test('other clients: dockerode asks for BuildKit over POST /build', async () => {
  const path = await folderOf({ Dockerfile: 'FROM busybox\nRUN false\nFROM busybox\nRUN echo said >/f\n' })
  const engine = new Docker({ socketPath: (c.env['DOCKER_HOST'] ?? '').replace('unix://', '') })
  const options = { t: 'bk:api', version: '2' as const }
  const progress = await engine.buildImage({ context: path, src: ['Dockerfile'] }, options)
  const lines = (await text(progress))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(new Set(lines.map(({ id }) => id))).toEqual(new Set(['moby.buildkit.trace', 'moby.image.id']))
  expect(lines.at(-1)).toEqual({ id: 'moby.image.id', aux: { ID: expect.stringMatching(/^sha256:/) } })
  expect(await c.ok('run', '--rm', 'bk:api', 'cat', '/f')).toBe('said')
  await c.ok('rmi', 'bk:api')
})

test('compose build and bake: several builds at once, contexts by name', async () => {
  const path = await folderOf({
    'compose.yaml': `name: bk
services:
  one: { build: { dockerfile_inline: "FROM busybox\\nARG W\\nRUN echo one $$W >/w\\nCMD cat /w", args: { W: arg } } }
  two: { build: { context: two, target: t, additional_contexts: { extra: ./extra, base: "docker-image://busybox" } } }
`,
    'two/Dockerfile': 'FROM base AS t\nCOPY --from=extra e /e\nCMD cat /e\nFROM scratch\n',
    'extra/e': 'two',
    'docker-bake.json': JSON.stringify({
      group: { default: { targets: ['a', 'b'] } },
      target: Object.fromEntries(
        ['a', 'b'].map((name) => [
          name,
          { 'dockerfile-inline': `FROM busybox\nRUN echo ${name}\n`, tags: [`bk:${name}`] },
        ]),
      ),
    }),
  })
  succeeded(await cli(['compose', '--project-directory', path, '--progress=plain', 'build']))
  const bake = run(docker, ['buildx', 'bake', '--progress=plain', '-f', join(path, 'docker-bake.json')], {
    env: c.env,
  })
  const ran = [await c.ok('run', '--rm', 'bk-one'), await c.ok('run', '--rm', 'bk-two')]
  expect(ran).toEqual(['one arg', 'two'])
  expect(succeeded(await bake).stderr).toMatch(/ naming to (\S*\/)?bk:b/)
  await c.ok('rmi', 'bk-one', 'bk-two', 'bk:a', 'bk:b')
})

test('a base image comes with the credentials that the client has', async () => {
  await using registry = await startPrivateRegistry()
  const image = `${registry.host}/private/base:1`
  const path = await folderOf({ Dockerfile: `FROM ${image}\nRUN echo pulled\n` })
  succeeded(await cli(['login', '-u', ACCOUNT.user, '-p', ACCOUNT.password, registry.host]))
  await c.ok('tag', 'busybox', image)
  succeeded(await cli(['push', '-q', image]))
  await c.ok('rmi', image)
  expect(await built(path)).toMatch(/ pulled$/m)
  succeeded(await cli(['logout', registry.host]))
  await c.ok('rmi', image)
  expect((await build(path)).stderr).toMatch(/no basic auth credentials/)
})

test('what a build under way has made is not pruned', async () => {
  const port = await freePort()
  // The step goes on once somebody answers there: where the VM sees this computer.
  const wait = `until wget -q -O /dev/null http://10.0.2.2:${port}/; do sleep 1; done`
  const path = await folderOf({
    Dockerfile: `FROM busybox
RUN echo one >/one
COPY gone /
RUN echo begun; ${wait}
RUN cat /one /gone
`,
    gone: 'two',
  })
  const child = spawn(docker, ['build', '--progress=plain', path], { env: { ...process.env, ...c.env } })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const listener = createServer((_request, response) => response.end())
  try {
    let said = ''
    for await (const chunk of child.stderr.setEncoding('utf8')) {
      said += chunk
      if (listener.listening || !/^#\d+ [\d.]+ begun$/m.test(said)) continue
      succeeded(await cli(['builder', 'prune', '-af']))
      listener.listen(port, '127.0.0.1')
      await once(listener, 'listening')
    }
    expect(await ended, said).toBe(0)
    expect(listener.listening).toBe(true)
  } finally {
    child.kill()
    listener.closeAllConnections()
    listener.close()
  }
  expect((await built(path)).match(/CACHED/g)).toHaveLength(4)
})

test('the builder shows itself and its cache; what it cannot do is refused by name', async () => {
  expect((await buildx('inspect')).stdout).toMatch(
    /Driver: +docker\n[\s\S]*Status: +running\n[\s\S]*Platforms: +linux\//,
  )
  const path = await folderOf({ Dockerfile: 'FROM busybox\nRUN echo 1234567 >/f\n' })
  await built('--push', '-t', `${c.registry.host}/bk:pushed`, path)
  const tags = await fetch(`${c.registry.url}/v2/bk/tags/list`)
  expect(await tags.json()).toMatchObject({ tags: ['pushed'] })
  await c.ok('rmi', `${c.registry.host}/bk:pushed`)
  expect((await buildx('du')).stdout).toMatch(/^Total:\s+[\d.]+[kM]?B$/m)
  const nothing = /^Total:\s+0B$/m
  await built(path)
  // With a filter there is no total.
  expect(succeeded(await buildx('du', '--filter', 'type=exec.cachemount')).stdout).toBe('')
  expect(succeeded(await buildx('du', '--filter', 'type=regular')).stdout).toMatch(/^[0-9a-f]{25}/m)
  // All of it is within that size; then nothing may stay but what a cache mount holds, of which there is none.
  expect(succeeded(await buildx('prune', '-af', '--keep-storage', '1gb')).stdout).toMatch(nothing)
  expect(succeeded(await buildx('prune', '-af', '--filter', 'type=exec.cachemount')).stdout).toMatch(nothing)
  expect((await buildx('du')).stdout).not.toMatch(nothing)
  const one = succeeded(await buildx('prune', '-af', '--keep-storage', '1')).stdout
  expect(one).not.toMatch(nothing)
  expect(succeeded(await buildx('prune', '-af')).stdout).toMatch(/^Total:/m)
  expect((await buildx('du')).stdout).toMatch(/^Total:\s+0B$/m)
  const refused = await build('--cgroup-parent=x', path)
  expect(refused.stderr).toMatch(/option cgroup-parent=x is not supported by this builder/)
  const platforms = await build('--platform=linux/amd64,linux/arm64', path)
  expect(platforms.stderr).toMatch(/Multi-platform build is not supported for the docker driver/)
})
