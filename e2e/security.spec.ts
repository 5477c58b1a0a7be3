import { once } from 'node:events'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { request } from 'node:http'
import WebSocket from 'ws'
import { expect, serve, test } from './app.ts'
import { makeSlipway } from './fixtures/slipway.ts'
import { AppWindow } from './pages/app-window.ts'

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** One request whose Host and Origin can be anything. */
async function ask(
  origin: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const { hostname, port } = new URL(origin)
  const message = request({ host: hostname, port, path, method, headers })
  message.end(method === 'POST' ? '[]' : undefined)
  const [response] = await once(message, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  return { status: response.statusCode, headers: response.headers, body }
}

/** Status with which a WebSocket is refused, or 101. */
async function knock(url: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(url, { headers })
  const status = await new Promise<number>((resolve) => {
    socket.once('open', () => resolve(101))
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    socket.once('error', () => resolve(0))
  })
  socket.on('error', () => undefined)
  socket.terminate()
  return status
}

test('the one-time token works once, and nothing works without a session', async ({ session, served }) => {
  expect((await session.cookies()).map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite }))).toEqual([
    { httpOnly: true, sameSite: 'Strict' },
  ])
  const origin = new URL(served.url).origin
  expect((await ask(origin, new URL(served.url).pathname + new URL(served.url).search)).status).toBe(401)
  expect((await ask(origin, '/')).status).toBe(401)
  expect((await ask(origin, '/?token=guess')).status).toBe(401)
  expect((await ask(origin, '/api/call/machine.state', {}, 'POST')).status).toBe(401)
  expect(await knock(`${origin.replace('http', 'ws')}/api/stream/events`, { origin })).toBe(401)
})

test('a session is no use to another host name or another site', async ({ session, served }) => {
  const { origin, host } = new URL(served.url)
  const [cookie] = await session.cookies()
  const headers = { cookie: `${cookie?.name}=${cookie?.value}` }
  const call = (more: Record<string, string>) =>
    ask(
      origin,
      '/api/call/machine.state',
      { ...headers, 'content-type': 'application/json', ...more },
      'POST',
    )
  expect((await call({ origin })).status).toBe(200)
  expect((await call({ origin: 'http://evil.invalid' })).status).toBe(403)
  expect((await call({ origin: 'null' })).status).toBe(403)
  expect((await call({ host: `evil.invalid:${new URL(origin).port}` })).status).toBe(403)
  expect((await ask(origin, '/', { ...headers, host: 'evil.invalid' })).status).toBe(403)
  const stream = `ws://${host}/api/stream/machine.states`
  expect(await knock(stream, { ...headers, origin })).toBe(101)
  expect(await knock(stream, { ...headers, origin: 'http://evil.invalid' })).toBe(403)
  expect(await knock(stream, headers)).toBe(403)
  expect(await knock(stream, { ...headers, origin, host: 'evil.invalid' })).toBe(403)
})

test('the page has a policy without inline scripts, and no file outside is served', async ({
  session,
  served,
}) => {
  const { origin } = new URL(served.url)
  const [cookie] = await session.cookies()
  const headers = { cookie: `${cookie?.name}=${cookie?.value}` }
  const page = await ask(origin, '/', headers)
  const policy = String(page.headers['content-security-policy'])
  const directive = (name: string) => new RegExp(`(?:^|; )${name} ([^;]*)`).exec(policy)?.[1]
  expect(directive('default-src')).toBe("'none'")
  expect(directive('script-src')).toBe("'self'")
  expect(directive('frame-ancestors')).toBe("'none'")
  expect(page.headers['x-content-type-options']).toBe('nosniff')
  expect(page.body).not.toMatch(/<script(?![^>]* src=)/)
  for (const path of [
    '/../package.json',
    '/%2e%2e/%2e%2e/package.json',
    '/..%2fapp%2fmain.js',
    '/assets/%00.js',
  ]) {
    expect((await ask(origin, path, headers)).status).toBe(404)
  }
})

test('malformed calls are refused with a word, not a crash', async ({ window: page, served }) => {
  const call = (method: string, body: string) =>
    page.evaluate(
      async ([url, text]) => {
        const response = await fetch(url ?? '', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: text ?? '',
        })
        return await response.json()
      },
      [`${new URL(served.url).origin}/api/call/${method}`, body],
    )
  expect(await call('no.such', '[]')).toMatchObject({ ok: false, error: { kind: 'not_found' } })
  expect(await call('toString', '[]')).toMatchObject({ ok: false, error: { kind: 'not_found' } })
  expect(await call('containers.start', '[7]')).toMatchObject({
    ok: false,
    error: { kind: 'invalid_argument' },
  })
  expect(await call('containers.start', '{"')).toMatchObject({
    ok: false,
    error: { kind: 'invalid_argument' },
  })
  expect(await call('app.openExternal', '["file:///etc/passwd"]')).toMatchObject({
    ok: false,
    error: { kind: 'permission_denied' },
  })
  expect(await call('app.openExternal', '["https://evil.invalid/"]')).toMatchObject({
    ok: false,
    error: { kind: 'permission_denied' },
  })
})

test('a page that outlives its app says so, and that it must be opened anew', async ({ browser }) => {
  await using home = await makeSlipway({ settings: { language: 'en', startEngineOnOpen: false } })
  const first = await serve(home)
  const page = await browser.newPage()
  const { port } = new URL(first.url)
  await page.goto(first.url)
  const app = new AppWindow(page)
  await expect(app.engine('Stopped')).toBeVisible()
  await first.stop()
  await expect(page.getByRole('alert')).toContainText('Connection to Slipway lost')
  const second = await serve(home, '--port', port)
  await expect(page.getByText('This page is no longer signed in')).toBeVisible()
  await page.goto(second.url)
  await expect(app.engine('Stopped')).toBeVisible()
  await page.close()
  await second.stop()
})

test('nothing listens but on the loopback, and the engine has no TCP port', async ({ engine, docker }) => {
  await docker('run', '-d', '--name', 'web', '-p', '127.0.0.1::80', 'slipway/welcome')
  const { pid } = JSON.parse((await engine.slipway('status', '--json')).stdout)
  const ours = await listeners(await family(pid))
  expect(ours.length).toBeGreaterThan(0)
  expect(ours.filter((address) => !address.startsWith('127.') && !address.startsWith('[::1]'))).toEqual([])
})

/** The process, its parent (the app) and the parent's other children. */
async function family(pid: number): Promise<number[]> {
  const own = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  const home = own.find((part) => part.includes('qmp.sock'))?.match(/path=([^,]*)\/qmp\.sock/)?.[1] ?? ''
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const env = async (one: number) => await readFile(`/proc/${one}/environ`, 'utf8').catch(() => '')
  const mine = await Promise.all(
    all.map(async (one) => ((await env(one)).split('\0').includes(`SLIPWAY_HOME=${home}`) ? [one] : [])),
  )
  return [...new Set([pid, ...mine.flat()])]
}

/** Addresses of TCP sockets in state LISTEN that belong to the processes (proc_pid_net(5)). */
async function listeners(pids: number[]): Promise<string[]> {
  const sockets = new Set<string>()
  for (const pid of pids) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
      if (inode) sockets.add(inode)
    }
  }
  const found: string[] = []
  for (const file of ['tcp', 'tcp6']) {
    for (const line of (await readFile(`/proc/net/${file}`, 'utf8')).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
      if (state !== '0A' || !sockets.has(inode)) continue
      const [address = '', port = ''] = local.split(':')
      found.push(`${readable(address)}:${Number.parseInt(port, 16)}`)
    }
  }
  return found
}

/** The kernel prints addresses as little-endian words. */
function readable(hex: string): string {
  const words = hex.match(/.{8}/g) ?? []
  const bytes = words.flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  )
  if (bytes.length === 4) return bytes.join('.')
  const last = bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1
  return last ? '[::1]' : `[${hex}]`
}
