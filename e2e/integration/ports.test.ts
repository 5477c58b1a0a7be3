import { createServer } from 'node:http'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { freePort } from '../fixtures/registry.ts'
import { type Context, context } from './context.ts'

let c: Context
beforeAll(async () => {
  c = await context()
  await c.ok('pull', '-q', 'nginx')
})
afterEach(() => c.clean('web', 'web2'))

/** Fails when no answer comes: one is looked for again, and a question that hangs would be the last. */
const page = async (port: number, host = '127.0.0.1') =>
  (await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(20_000) })).text()

test('-p is bound on the host before the start is answered, on both loopback families', async () => {
  const port = await freePort()
  await c.ok('run', '-d', '--name', 'web', '-p', `${port}:80`, 'nginx')
  await expect.poll(() => page(port).catch(String), { timeout: 30_000 }).toContain('Welcome to nginx!')
  expect(await page(port, '[::1]')).toContain('Welcome to nginx!')
  expect(await c.ok('port', 'web')).toContain(`80/tcp -> `)
  expect(await c.ok('ps', '--format', '{{.Ports}}', '-f', 'name=web')).toContain(`:${port}->80/tcp`)
  await c.ok('stop', 'web')
  await expect(page(port)).rejects.toThrow()
})

test('a taken port fails the start, names port and holder, and leaves nothing behind', async () => {
  const port = await freePort()
  const other = createServer().listen(port, '127.0.0.1')
  try {
    const result = await c.docker('run', '-d', '--name', 'web2', '-p', `${port}:80`, 'nginx')
    expect(result.code).toBe(125)
    expect(result.stderr).toContain(`${port} failed: port is already allocated`)
    expect(result.stderr).toContain(String(process.pid))
    expect(await c.ok('inspect', '-f', '{{.State.Status}}', 'web2')).toBe('created')
  } finally {
    other.close()
  }
  await c.ok('start', 'web2')
  await expect.poll(() => page(port).catch(String), { timeout: 30_000 }).toContain('Welcome to nginx!')
})

test('-p with an address, and -p without a host port', async () => {
  await c.ok('run', '-d', '--name', 'web', '-p', '127.0.0.1::80', 'nginx')
  const port = Number((await c.ok('port', 'web', '80')).split(':').pop())
  expect(port).toBeGreaterThan(1023)
  await expect.poll(() => page(port).catch(String), { timeout: 30_000 }).toContain('Welcome to nginx!')
})

test('containers reach each other on the default bridge, and the outside name server is theirs', async () => {
  await c.ok('run', '-d', '--name', 'web', 'nginx')
  const ip = await c.ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'web')
  expect(ip).toMatch(/^172\.17\.0\.\d+$/)
  expect(await c.ok('run', '--rm', 'busybox', 'wget', '-qO-', `http://${ip}/`)).toContain('Welcome to nginx!')
  expect(await c.ok('run', '--rm', 'busybox', 'cat', '/etc/resolv.conf')).toMatch(/^nameserver /m)
})
