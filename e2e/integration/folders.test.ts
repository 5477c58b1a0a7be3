import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../fixtures/registry.ts'
import { run } from '../fixtures/slipway.ts'
import { type Context, context, dockerWithCompose } from './context.ts'

let c: Context
/** On this computer, in the shared folder. */
let folder: string
/** On this computer, and not shared. */
let foreign: string
beforeAll(async () => {
  c = await context()
  folder = await mkdtemp(join(c.shared, 'folders-'))
  foreign = await mkdtemp(join(tmpdir(), 'sw-foreign-'))
  await Promise.all(['busybox', 'nginx'].map((image) => c.ok('pull', '-q', image)))
})
afterAll(async () => {
  await Promise.all([folder, foreign].map((path) => rm(path, { recursive: true, force: true })))
})

/** What a one-off container with these flags prints. */
function inside(flags: string[], script: string): Promise<string> {
  return c.ok('run', '--rm', ...flags, 'busybox', 'sh', '-ec', script)
}

const at = (...names: string[]): string => join(folder, ...names)

test('a folder of this computer is the container’s: what either writes, both have', async () => {
  await mkdir(at('app'))
  await writeFile(at('app', 'from-host'), 'host\n')
  const script = `
    cat /app/from-host
    echo container >/app/made
    mkdir -p /app/deep/er && mv /app/made /app/deep/er/moved
    ln -s moved /app/deep/er/soft && ln -s ../deep/er/soft /app/deep/up && cat /app/deep/up
    ln /app/deep/er/moved /app/hard
    echo gone >/app/gone && rm /app/gone
    printf more >>/app/from-host
    chmod 640 /app/from-host
    mkdir /app/db && touch /app/db/a /app/db/b && chown -R 999:999 /app/db && stat -c %u:%g /app/db /app/db/b
    for n in $(seq 30); do echo $n >/app/db/$n; done; ls /app/db | wc -l
    rm -r /app/db
  `
  expect((await inside(['-v', `${at('app')}:/app`], script)).split('\n')).toEqual([
    'host',
    'container',
    '999:999',
    '999:999',
    '32',
  ])
  expect((await readdir(at('app'))).sort()).toEqual(['deep', 'from-host', 'hard'])
  expect(await readFile(at('app', 'from-host'), 'utf8')).toBe('host\nmore')
  expect((await stat(at('app', 'from-host'))).mode & 0o777).toBe(0o640)
  expect(await readlink(at('app', 'deep', 'er', 'soft'))).toBe('moved')
  expect((await stat(at('app', 'hard'))).ino).toBe((await stat(at('app', 'deep', 'er', 'moved'))).ino)
})

test('large files pass unchanged both ways', async () => {
  const bytes = randomBytes(2 * 2 ** 20)
  await writeFile(at('large'), bytes)
  const digest = createHash('sha256').update(bytes).digest('hex')
  const printed = await inside(['-v', `${folder}:/f`], 'cp /f/large /f/copy; sha256sum </f/large')
  expect(printed).toContain(digest)
  expect(
    createHash('sha256')
      .update(await readFile(at('copy')))
      .digest('hex'),
  ).toBe(digest)
})

test('who is not root in the container may write, too', async () => {
  await inside(['-u', '1000:1000', '-v', `${folder}:/f`], 'echo mine >/f/own; cat /f/own')
  expect(await readFile(at('own'), 'utf8')).toBe('mine\n')
})

test('changes of one side are seen on the other while the container runs', async () => {
  const live = at('made', 'by', 'docker')
  await c.ok('run', '-d', '--name', 'live', '-v', `${live}:/live`, 'busybox', 'sleep', '100000')
  expect((await stat(live)).isDirectory()).toBe(true)
  await writeFile(join(live, 'news'), 'first')
  await expect.poll(() => c.docker('exec', 'live', 'cat', '/live/news')).toMatchObject({ stdout: 'first' })
  await writeFile(join(live, 'news'), 'the second')
  await expect
    .poll(() => c.docker('exec', 'live', 'cat', '/live/news'))
    .toMatchObject({ stdout: 'the second' })
  await c.ok('exec', 'live', 'sh', '-c', 'echo reply >/live/reply')
  expect(await readFile(join(live, 'reply'), 'utf8')).toBe('reply\n')

  const shown = await c.ok('inspect', '-f', '{{json .Mounts}} {{json .HostConfig.Binds}}', 'live')
  expect(shown).toContain(`"Source":"${live}"`)
  expect(shown).toContain(`"${live}:/live"`)
  expect(shown).not.toContain('/run/slipway')
  expect(await c.ok('ps', '-q', '--filter', `volume=${live}`)).not.toBe('')

  await writeFile(at('sent'), 'by cp')
  await c.ok('cp', at('sent'), 'live:/live/received')
  expect(await readFile(join(live, 'received'), 'utf8')).toBe('by cp')
  await c.ok('cp', 'live:/live/reply', at('fetched'))
  expect(await readFile(at('fetched'), 'utf8')).toBe('reply\n')
  await c.clean('live')
})

test('single files, links of this computer, read-only and nested binds', async () => {
  await mkdir(at('real'))
  await writeFile(at('real', 'conf'), 'setting\n')
  await symlink(at('real'), at('link'))
  const flags = [
    ['-v', `${at('real', 'conf')}:/etc/conf:ro`],
    ['-v', `${at('link')}:/outer:ro`],
    ['-v', `${at('inner')}:/outer/conf.d`],
  ]
  await mkdir(at('real', 'conf.d'))
  const script = `
    cat /etc/conf /outer/conf
    touch /outer/no 2>/dev/null || echo refused
    echo x >>/etc/conf 2>/dev/null || echo refused
    touch /outer/conf.d/yes
  `
  expect(await inside(flags.flat(), script)).toBe('setting\nsetting\nrefused\nrefused')
  expect(await readdir(at('inner'))).toEqual(['yes'])
  expect(await readdir(at('real', 'conf.d'))).toEqual([])
})

test('--mount refuses what is not there, and makes nothing', async () => {
  const missing = at('missing')
  const refused = await c.docker(
    'run',
    '--rm',
    '--mount',
    `type=bind,src=${missing},dst=/m`,
    'busybox',
    'true',
  )
  expect(refused.code).toBe(125)
  expect(refused.stderr).toContain(`bind source path does not exist: ${missing}`)
  expect(existsSync(missing)).toBe(false)
  await writeFile(missing, 'now it is\n')
  expect(await inside(['--mount', `type=bind,src=${missing},dst=/m,readonly`], 'cat /m')).toBe('now it is')
})

test('a folder that is not shared is refused, until the settings say otherwise', async () => {
  await writeFile(join(foreign, 'file'), 'foreign\n')
  const flags = ['-v', `${foreign}:/f`]
  const refused = await c.docker('run', '--rm', ...flags, 'busybox', 'cat', '/f/file')
  expect(refused.code).toBe(125)
  expect(refused.stderr).toContain(`Mounts denied: The path ${foreign} is not shared from the host`)
  expect(refused.stderr).toContain('Shared folders')
  const nowhere = await c.slipway('config', 'set', 'sharedFolders', join(foreign, 'nothing'))
  expect(nowhere.code).not.toBe(0)
  expect(nowhere.stderr).toContain(`${join(foreign, 'nothing')} does not exist`)
  const shared = (await c.slipway('config', 'get', 'sharedFolders')).stdout.trim()
  const set = (list: string) => c.slipway('config', 'set', 'sharedFolders', list)
  try {
    expect(await set(`${shared},${foreign}`)).toMatchObject({ code: 0 })
    await expect
      .poll(() => c.docker('run', '--rm', ...flags, 'busybox', 'cat', '/f/file'))
      .toMatchObject({ stdout: 'foreign\n' })
  } finally {
    expect(await set(shared)).toMatchObject({ code: 0 })
  }
  await expect
    .poll(() => c.docker('run', '--rm', ...flags, 'busybox', 'true'))
    .toMatchObject({ code: 125, stderr: expect.stringContaining('Mounts denied') })
})

test('a volume of a folder of this computer', async () => {
  await mkdir(at('device'))
  const options = ['-o', 'type=none', '-o', 'o=bind', '-o', `device=${at('device')}`]
  await c.ok('volume', 'create', ...options, 'of-host')
  await inside(['-v', 'of-host:/v'], 'echo kept >/v/file')
  expect(await readFile(at('device', 'file'), 'utf8')).toBe('kept\n')
  await c.ok('volume', 'rm', 'of-host')
  expect(existsSync(at('device', 'file'))).toBe(true)
})

test('a compose project serves the files beside it, as they change', async () => {
  const docker = await dockerWithCompose(c)
  const port = await freePort()
  await mkdir(at('site', 'html'), { recursive: true })
  await writeFile(at('site', 'html', 'index.html'), 'one')
  const service = `{ image: nginx, ports: ["${port}:80"], volumes: ["./html:/usr/share/nginx/html:ro"] }`
  await writeFile(at('site', 'compose.yaml'), `services:\n  web: ${service}\n`)
  const compose = (...args: string[]) =>
    run(docker, ['compose', '--project-directory', at('site'), '--progress', 'quiet', ...args], {
      env: c.env,
    })
  const page = () => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text(), String)
  try {
    expect(await compose('up', '-d')).toMatchObject({ code: 0 })
    await expect.poll(page).toBe('one')
    await writeFile(at('site', 'html', 'index.html'), 'and two')
    await expect.poll(page).toBe('and two')
  } finally {
    await compose('down', '-t', '0')
  }
})
