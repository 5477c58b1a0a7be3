import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ask, Stream, UPGRADE } from '../fixtures/engine-socket.ts'
import { onTerminal } from '../fixtures/pty.ts'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
  await c.ok(
    'run',
    '-d',
    '--name',
    'host',
    'busybox',
    'sh',
    '-c',
    'for i in 1 2 3; do echo line$i; done; echo oops >&2; exec sleep 10000',
  )
  const said = async () => (await c.docker('logs', 'host')).stderr === 'oops\n'
  await vi.waitUntil(said, { timeout: 60_000, interval: 200 })
})
afterAll(() => c.clean('host'))

test('exec returns output and exit code', async () => {
  expect(await c.docker('exec', 'host', 'sh', '-c', 'echo hi; echo no >&2; exit 5')).toEqual({
    code: 5,
    stdout: 'hi\n',
    stderr: 'no\n',
  })
  const missing = await c.docker('exec', 'host', 'nosuch')
  expect(missing.code).toBe(127)
  expect(missing.stdout + missing.stderr).toContain('exec: "nosuch": executable file not found in $PATH')
})

test('exec takes user, directory and environment', async () => {
  expect(
    await c.ok(
      'exec',
      '-u',
      'www-data',
      '-w',
      '/tmp',
      '-e',
      'A=b',
      'host',
      'sh',
      '-c',
      'id -un; pwd; echo $A',
    ),
  ).toBe('www-data\n/tmp\nb')
})

test('exec passes standard input and ends with it', async () => {
  const result = await c.dockerWith({ input: 'one\ntwo\n' }, 'exec', '-i', 'host', 'wc', '-l')
  expect(result).toEqual({ code: 0, stdout: '2\n', stderr: '' })
})

test('the start of an exec tells whether its output is framed, whatever it was made with', async () => {
  const socket = join(c.home, 'docker.sock')
  const made = await ask(socket, 'POST', '/containers/host/exec', {
    Cmd: ['stty', 'size'],
    Tty: true,
    ConsoleSize: [57, 123],
    AttachStdout: true,
  })
  const { Id } = JSON.parse(made.text) as { Id: string }
  const head = `POST /v1.51/exec/${Id}/start HTTP/1.1\nContent-Type: application/json\nContent-Length: 2`
  const stream = new Stream(socket, `${head}${UPGRADE}`, '{}')
  await stream.ended
  expect(stream.text).toContain('application/vnd.docker.multiplexed-stream')
  expect(stream.text).toContain('\x01\0\0\0\0\0\0\x0857 123\r\n')
})

test('exec -it is a terminal; Ctrl+D ends it and the container goes on', async () => {
  const { code, screen } = await onTerminal(
    `${c.cli} exec -it host sh`,
    [
      { expect: '/ #', send: 'tty; stty size\n' },
      { expect: '40 100', send: '\x04' },
    ],
    { env: c.env },
  )
  expect(code).toBe(0)
  expect(screen).toContain('/dev/pts/')
  expect(await c.ok('inspect', '-f', '{{.State.Running}}', 'host')).toBe('true')
})

test('exec in a container that does not run is refused', async () => {
  const id = await c.ok('create', '--name', 'idle', 'busybox')
  const result = await c.docker('exec', 'idle', 'true')
  expect(result.code).toBe(1)
  expect(result.stderr).toContain(`container ${id} is not running`)
  await c.clean('idle')
})

test('logs keep streams apart, tail and timestamps work', async () => {
  expect(await c.docker('logs', 'host')).toEqual({
    code: 0,
    stdout: 'line1\nline2\nline3\n',
    stderr: 'oops\n',
  })
  expect(
    (await c.docker('logs', '--tail', '1', 'host')).stdout +
      (await c.docker('logs', '--tail', '2', 'host')).stdout,
  ).toBe('line3\n')
  expect(await c.ok('logs', '-t', 'host')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z line1\n/)
  const missing = await c.docker('logs', 'nosuch')
  expect(missing).toMatchObject({
    code: 1,
    stderr: 'Error response from daemon: No such container: nosuch\n',
  })
})

test('logs -f ends when the container does', async () => {
  await c.ok(
    'run',
    '-d',
    '--name',
    'talker',
    'busybox',
    'sh',
    '-c',
    'for i in 1 2 3; do echo n$i; sleep 0.3; done',
  )
  expect((await c.docker('logs', '-f', 'talker')).stdout).toBe('n1\nn2\nn3\n')
  await c.clean('talker')
})
