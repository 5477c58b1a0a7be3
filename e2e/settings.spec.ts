import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright/test'
import { expect, test } from './app.ts'
import { AppWindow } from './pages/app-window.ts'
import { TerminalScreen } from './pages/terminal-screen.ts'

/** A proxy and registry that has nothing and remembers what it was asked. */
async function listener() {
  const asked: string[] = []
  const server = createServer(({ method, url }, answer) => {
    asked.push(`${method} ${url}`)
    answer.writeHead(404, { 'content-type': 'application/json' }).end('{}')
  })
  server.on('connect', ({ url }, socket) => {
    asked.push(`CONNECT ${url}`)
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    asked,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function commit(page: Page, label: string, value: string): Promise<void> {
  const field = page.getByRole('textbox', { name: label, exact: true })
  await field.fill(value)
  await field.press('Enter')
}

test('mirrors, insecure registries and proxies act as soon as they are set', async ({
  window: page,
  engine,
}) => {
  await using server = await listener()
  const settings = async (key: string) => (await engine.slipway('config', 'get', key)).stdout.trim()
  const [mirrors, insecure] = [await settings('registryMirrors'), await settings('insecureRegistries')]
  const app = new AppWindow(page)
  await app.goTo('Settings')
  /**
   * The engine asks, whatever is answered. A pull that began before the engine knew of the setting may wait long for a
   * name server; the next one knows.
   */
  const expectAsked = (image: string, request: string) =>
    expect
      .poll(
        async () => {
          await engine.dockerWith({ timeout: 10_000 }, 'pull', '-q', image)
          return server.asked.join('\n')
        },
        { timeout: 60_000 },
      )
      .toContain(request)
  try {
    // Where the VM sees this computer.
    const proxy = `http://10.0.2.2:${server.port}`
    await commit(page, 'HTTP proxy', proxy)
    await commit(page, 'HTTPS proxy', proxy)
    await expectAsked('plain.invalid:5000/thing', 'CONNECT plain.invalid:5000')
    expect(server.asked.join('\n')).not.toContain('http://plain.invalid')
    await commit(page, 'Insecure registries', `${insecure}, plain.invalid:5000`)
    await expectAsked('plain.invalid:5000/thing', 'GET http://plain.invalid:5000/v2/')
    await commit(page, 'Registry mirrors', `http://127.0.0.1:${server.port}`)
    await expectAsked('mirrored:1', 'GET /v2/library/mirrored/manifests/1')
    await commit(page, 'No proxy for', 'plain.invalid')
    await expect
      .poll(
        async () => {
          server.asked.length = 0
          const { stderr } = await engine.docker('pull', '-q', 'plain.invalid:5000/thing')
          return server.asked.length === 0 ? stderr : `asked the proxy: ${stderr}`
        },
        { timeout: 60_000 },
      )
      .toMatch(/^(?!asked).*(no such host|server misbehaving|lookup plain\.invalid)/i)
  } finally {
    for (const [key, value] of [
      ['httpProxy', ''],
      ['httpsProxy', ''],
      ['noProxy', ''],
      ['registryMirrors', mirrors],
      ['insecureRegistries', insecure],
    ] as const)
      await engine.slipway('config', 'set', key, value)
  }
  await test.step('what is no address is refused, and the old one stays', async () => {
    await commit(page, 'Registry mirrors', 'not-an-address')
    await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('Could not save')
    expect(await settings('registryMirrors')).toBe(mirrors)
  })
})

test('terminals have the size and the font of the settings', async ({ window: page, engine }) => {
  const app = new AppWindow(page)
  const terminal = new TerminalScreen(page)
  const shown = async () => {
    await app.goTo('Machine')
    await page.getByRole('link', { name: 'Shell' }).click()
    await terminal.prompt()
    return await terminal.panel.evaluate((panel) => {
      const row = panel.querySelector('.xterm-rows')
      if (!row) throw new Error('no terminal')
      const { fontSize, fontFamily } = getComputedStyle(row)
      return { size: fontSize, font: fontFamily, rows: row.childElementCount }
    })
  }
  const before = await shown()
  expect(before.size).toBe('13px')
  try {
    await app.goTo('Settings')
    await commit(page, 'Font size', '20')
    await commit(page, 'Font', 'DejaVu Serif')
    const after = await shown()
    expect(after).toMatchObject({ size: '20px', font: expect.stringMatching(/^"?DejaVu Serif/) })
    expect(after.rows).toBeLessThan(before.rows)
  } finally {
    await engine.slipway('config', 'set', 'terminalFontSize', '13')
    await engine.slipway('config', 'set', 'terminalFontFamily', '')
  }
})
