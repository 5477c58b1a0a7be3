import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ElectronApplication, Page } from 'playwright/test'
import { isAlive } from '../app/machine/process.ts'
import { command, electronBinary, expect, opened as openedDesktop, start, test } from './electron.ts'
import { busybox } from './fixtures/images.ts'
import { pushImage } from './fixtures/oci.ts'
import { startRegistry } from './fixtures/registry.ts'
import { AppWindow } from './pages/app-window.ts'
import { ContainersPage } from './pages/containers-page.ts'
import { NotificationProbe } from './pages/notifications.ts'
import { TrayProbe } from './pages/tray.ts'

test.skip(
  electronBinary() === undefined,
  'no Electron here: set ELECTRON_OVERRIDE_DIST_PATH to its dist folder',
)

/** The contract as the page sees it. */
interface Bridge {
  call(...args: unknown[]): Promise<{ ok: boolean; value?: unknown; error?: { kind: string } }>
}

const bridge = (page: Page, ...args: unknown[]) =>
  page.evaluate((given) => (globalThis as unknown as { slipway: Bridge }).slipway.call(...given), args)

/** Where links go instead of the user's browser. */
async function catchLinks(app: ElectronApplication): Promise<() => Promise<string[]>> {
  await app.evaluate(({ shell }) => {
    const opened: string[] = []
    Object.assign(globalThis, { opened })
    shell.openExternal = async (url) => void opened.push(url)
  })
  return () => app.evaluate(() => (globalThis as unknown as { opened: string[] }).opened)
}

test('the window opens, isolated and sandboxed, with three functions and no Node', async ({
  window,
  app,
}) => {
  await expect(new AppWindow(window).engine('Stopped')).toBeVisible()
  expect(await window.title()).toBe('Slipway')
  const preferences = await app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents as
      | (Electron.WebContents & { getLastWebPreferences(): Electron.WebPreferences })
      | undefined
    const { contextIsolation, sandbox, nodeIntegration, webSecurity, webviewTag } =
      contents?.getLastWebPreferences() ?? {}
    return { contextIsolation, sandbox, nodeIntegration, webSecurity, webviewTag }
  })
  expect(preferences).toEqual({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
  })
  const seen = await window.evaluate(() => ({
    bridge: Object.entries((globalThis as unknown as { slipway: object }).slipway)
      .map(([name, value]) => `${name}: ${typeof value}`)
      .sort(),
    node: ['require', 'process', 'Buffer', 'module'].filter((name) => name in globalThis),
  }))
  expect(seen).toEqual({ bridge: ['call: function', 'cancel: function', 'open: function'], node: [] })
})

test('malformed calls and foreign senders are refused', async ({ window, app }) => {
  const refused = (kind: string) => ({ ok: false, error: expect.objectContaining({ kind }) })
  expect(await bridge(window, 'machine.state', [], 'a')).toMatchObject({
    ok: true,
    value: { state: 'stopped' },
  })
  expect(await bridge(window, 'containers.start', [7], 'b')).toEqual(refused('invalid_argument'))
  expect(await bridge(window, 'containers.start', 'no list', 'c')).toEqual(refused('invalid_argument'))
  expect(await bridge(window, 7, [], 'd')).toEqual(refused('invalid_argument'))
  expect(await bridge(window, '__proto__', [], 'e')).toEqual(refused('not_found'))

  const foreign = await app.evaluate(async ({ app, BrowserWindow }) => {
    const preload = `${app.getAppPath()}/dist/app/preload.cjs`
    const ours = BrowserWindow.getAllWindows()[0]?.webContents.getURL() ?? ''
    const answers: unknown[] = []
    for (const url of ['data:text/html,foreign', ours]) {
      const other = new BrowserWindow({ show: false, webPreferences: { preload, sandbox: true } })
      await other.loadURL(url)
      answers.push(await other.webContents.executeJavaScript(`slipway.call('machine.state', [], 'x')`))
      other.destroy()
    }
    return answers
  })
  expect(foreign).toEqual([refused('permission_denied'), refused('permission_denied')])

  await test.step('a frame inside our own page is foreign too', async () => {
    const answer = await window.evaluate(async () => {
      const frame = document.createElement('iframe')
      document.body.append(frame)
      const inner = frame.contentWindow as unknown as { slipway?: Bridge }
      const said = inner.slipway ? await inner.slipway.call('machine.state', [], 'f') : 'no bridge'
      frame.remove()
      return said
    })
    expect(answer === 'no bridge' || (answer as { ok: boolean }).ok === false).toBe(true)
  })
})

test('no script runs but the page’s own, and no request leaves it', async ({ window }) => {
  const blocked = await window.evaluate(async () => {
    const directives: string[] = []
    addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
      directives.push(effectiveDirective),
    )
    const inline = document.createElement('script')
    inline.textContent = 'globalThis.inlineRan = true'
    document.body.append(inline)
    inline.remove()
    const reached = await fetch('http://127.0.0.1/').then(
      () => true,
      () => false,
    )
    // Violations are told by events of their own.
    for (let turn = 0; turn < 500 && directives.length < 2; turn++)
      await new Promise((resolve) => setTimeout(resolve, 20))
    return { directives, reached, inlineRan: 'inlineRan' in globalThis }
  })
  expect(blocked).toMatchObject({ reached: false, inlineRan: false })
  expect(blocked.directives).toEqual(expect.arrayContaining(['script-src-elem', 'connect-src']))
})

test('the page stays where it is, and links leave only through the allow-list', async ({ window, app }) => {
  const opened = await catchLinks(app)
  const before = window.url()
  await window.evaluate(() => {
    globalThis.open('https://evil.invalid/')
    globalThis.open('file:///etc/passwd')
    globalThis.open('smb://server/share')
    globalThis.open('ms-settings:display')
    globalThis.open('http://user@localhost:8080/')
    globalThis.open('http://localhost.evil.invalid/')
    globalThis.open('https://github.com/')
    globalThis.open('http://localhost:8080/')
  })
  await expect.poll(opened).toEqual(['https://github.com/', 'http://localhost:8080/'])
  for (const url of ['https://evil.invalid/', 'javascript:alert(1)', 'file:///etc/passwd', 'vscode://x/y']) {
    expect(await bridge(window, 'app.openExternal', [url], url)).toMatchObject({
      ok: false,
      error: { kind: 'permission_denied' },
    })
  }
  const urls = () =>
    app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.webContents.getURL()))
  await window.evaluate(() => location.assign('https://evil.invalid/'))
  await window.reload()
  await expect(window.getByRole('navigation', { name: 'Main' })).toBeVisible()
  expect(await urls()).toEqual([before])
})

test('first run in the same app; tray and menu keep in step', async ({ window, app, home }) => {
  test.setTimeout(300_000)
  await using registry = await startRegistry()
  await pushImage(registry.url, 'library/busybox:latest', await busybox())
  const tray = new TrayProbe(app)
  await tray.watch()
  const shown = new AppWindow(window)
  const opened = await catchLinks(app)
  const menuState = () =>
    app.evaluate(({ Menu }) => Menu.getApplicationMenu()?.getMenuItemById('engine-state')?.label)

  await test.step('the tray starts the engine and window, tray and menu follow', async () => {
    const settings = { notifications: false, insecureRegistries: [registry.host] }
    await bridge(window, 'settings.set', [settings], 's')
    await expect.poll(() => tray.tip()).toBe('Slipway: Engine stopped')
    await expect
      .poll(() => tray.items())
      .toMatchObject([
        { label: 'Engine stopped', enabled: false },
        { label: 'Start engine', enabled: true },
        { label: 'Stop engine', enabled: false },
        { label: 'Restart engine', enabled: false },
        { label: 'No running containers', enabled: false },
        { label: 'Open Slipway' },
        { label: 'Quit Slipway' },
      ])
    await tray.choose('Start engine')
    await expect(shown.engine('Starting')).toBeVisible()
    await expect.poll(() => tray.tip()).toBe('Slipway: Engine starting…')
    await expect(shown.engine('Running')).toBeVisible({ timeout: 150_000 })
    await expect.poll(() => tray.tip()).toBe('Slipway: Engine running')
    await expect.poll(menuState).toBe('Engine running')
  })

  let address = ''
  await test.step('three steps to a page of an own container', async () => {
    await window.getByRole('button', { name: 'Run your first container' }).click()
    await window.getByRole('button', { name: 'Run slipway/welcome' }).click()
    const link = window.getByRole('button', { name: /^http:\/\/localhost:\d+$/ })
    await link.click()
    await expect.poll(opened).toHaveLength(1)
    address = (await opened())[0] ?? ''
    expect((await fetch(address)).status).toBe(200)
  })

  await test.step('the tray has the container with its port, terminal and verbs', async () => {
    const { port } = new URL(address)
    await expect
      .poll(async () =>
        (await tray.items()).find(({ label }) => label === 'welcome')?.items?.map(({ label }) => label),
      )
      .toEqual([`Open localhost:${port}`, 'Open terminal', 'Restart', 'Stop'])
    await shown.goTo('Containers')
    await window.getByRole('button', { name: `Open port ${port}` }).click()
    await expect.poll(opened).toHaveLength(2)
    await tray.choose('welcome', `Open localhost:${port}`)
    await expect.poll(opened).toHaveLength(3)
    expect((await opened())[2]).toBe(`http://localhost:${port}/`)
    const started = async () => (await home.docker('inspect', '-f', '{{.State.StartedAt}}', 'welcome')).stdout
    const before = await started()
    await tray.choose('welcome', 'Restart')
    await expect.poll(started, { timeout: 60_000 }).not.toBe(before)
    await expect
      .poll(async () => (await tray.items()).find(({ label }) => label === 'welcome')?.items?.length, {
        timeout: 60_000,
      })
      .toBe(4)
    await tray.choose('welcome', 'Open terminal')
    await expect(shown.heading('welcome')).toBeVisible()
    await expect(window.getByRole('toolbar', { name: 'Terminal' })).toBeVisible()
    await tray.choose('welcome', 'Stop')
    await expect(window.getByText(/^Exited \(\d+\)$/)).toBeVisible({ timeout: 60_000 })
    await expect
      .poll(async () => (await tray.items()).map(({ label }) => label))
      .toContain('No running containers')
  })

  const notifications = new NotificationProbe(app)
  await test.step('what dies by itself is told, unless muted; a click leads there', async () => {
    await notifications.watch()
    const mute = (muted: boolean) => bridge(window, 'settings.set', [{ notifications: !muted }], 'm')
    const crash = (name: string) =>
      home.docker('run', '-d', '--name', name, 'slipway/welcome', 'sh', '-c', 'exit 3')
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide())
    await crash('muted')
    await home.docker('wait', 'muted')
    // Events come in order: what is seen of a later one says that the first was heard.
    await home.docker('run', '-d', '--name', 'later', 'slipway/welcome')
    await expect.poll(async () => (await tray.items()).map(({ label }) => label)).toContain('later')
    await mute(false)
    await crash('loud')
    await expect
      .poll(() => notifications.shown())
      .toEqual([{ title: 'Slipway', body: 'loud exited with code 3' }])
    await home.docker('rm', '-f', 'later')
    await notifications.click()
    await expect(shown.heading('loud')).toBeVisible()
  })

  await test.step('a pull that has ended is told too; a click leads to the images', async () => {
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide())
    const name = `${registry.host}/library/busybox:latest`
    const { code, stderr } = await home.docker('pull', '-q', name)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    await expect
      .poll(async () => (await notifications.shown()).at(-1))
      .toEqual({ title: 'Slipway', body: `${name} was pulled` })
    await notifications.click()
    await expect(shown.heading('Images')).toBeVisible()
  })

  await test.step('a machine that dies: tray, menu and a notification say so; the tray starts it again', async () => {
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide())
    process.kill(JSON.parse((await home.slipway('status', '--json')).stdout).pid, 'SIGKILL')
    await expect.poll(() => tray.tip(), { timeout: 60_000 }).toBe('Slipway: Engine failed')
    await expect.poll(menuState).toBe('Engine failed')
    await expect
      .poll(async () => (await notifications.shown()).at(-1))
      .toEqual({ title: 'The engine failed', body: expect.stringContaining('SIGKILL') })
    await notifications.click()
    await expect(shown.heading('Machine')).toBeVisible()
    await bridge(window, 'settings.set', [{ notifications: false }], 'n')
    await tray.choose('Start engine')
    await expect.poll(() => tray.tip(), { timeout: 150_000 }).toBe('Slipway: Engine running')
  })

  await test.step('stop from the window', async () => {
    await shown.goTo('Machine')
    await window.getByRole('main').getByRole('button', { name: 'Stop engine' }).click()
    await expect.poll(() => tray.tip(), { timeout: 60_000 }).toBe('Slipway: Engine stopped')
    expect((await home.slipway('status', '--json')).stdout).toContain('"state":"stopped"')
    await shown.goTo('Containers')
  })

  await test.step('the tray speaks the language of the settings', async () => {
    await bridge(window, 'settings.set', [{ language: 'ko' }], 'k')
    await expect.poll(() => tray.tip()).toBe('Slipway: 엔진 정지됨')
    await bridge(window, 'settings.set', [{ language: 'en' }], 'l')
    await expect.poll(menuState).toBe('Engine stopped')
  })
})

test('native menus with accelerators', async ({ app, window }) => {
  const menus = await app.evaluate(({ Menu }) =>
    (Menu.getApplicationMenu()?.items ?? []).map(({ label, submenu }) => ({
      label,
      items: (submenu?.items ?? []).map((item) => `${item.label}|${item.accelerator ?? item.role ?? ''}`),
    })),
  )
  expect(menus.map(({ label }) => label)).toEqual(['File', 'Engine', 'Edit', 'View', 'Window', 'Help'])
  expect(menus[0]?.items).toEqual(
    expect.arrayContaining([
      'Run a container…|CmdOrCtrl+N',
      'Settings…|CmdOrCtrl+,',
      'Quit Slipway|CmdOrCtrl+Q',
    ]),
  )
  expect(menus[3]?.items).toEqual(
    expect.arrayContaining(['Containers|CmdOrCtrl+1', 'Images|CmdOrCtrl+2', 'Machine|CmdOrCtrl+6']),
  )
  expect(menus[1]?.items.map((item) => item.split('|')[0])).toEqual([
    'Engine stopped',
    'Start engine',
    'Stop engine',
    'Restart engine',
  ])
  expect(menus[2]?.items.join()).toMatch(/copy/i)
  expect(menus[5]?.items.join()).toContain('About Slipway')
  await app.evaluate(({ Menu }) => {
    const view = Menu.getApplicationMenu()?.items[3]?.submenu
    view?.items.find(({ label }) => label === 'Images')?.click()
  })
  await expect(new AppWindow(window).heading('Images')).toBeVisible()
  await new AppWindow(window).goTo('Containers')
})

test('closing hides into the tray; a second start brings the window back', async ({
  app,
  home,
  virtual,
  window,
}) => {
  const visible = () =>
    app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.isVisible()))
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
  await expect.poll(visible).toEqual([false])
  const { args, env } = command(home, virtual)
  const second = spawn(electronBinary() ?? '', args, { env, stdio: 'ignore' })
  const [code] = await once(second, 'exit')
  expect(code).toBe(0)
  await expect.poll(visible).toEqual([true])
  await expect(window.getByRole('navigation', { name: 'Main' })).toBeVisible()
})

test('start at login is an entry of the desktop’s, and off again', async ({ window, home }) => {
  const app = new AppWindow(window)
  const entry = join(home.home, 'config', 'autostart', 'slipway.desktop')
  const lines = () => readFile(entry, 'utf8').catch(() => '')
  await app.goTo('Settings')
  const toggle = window.getByRole('switch', { name: 'Open Slipway at login' })
  await toggle.click()
  await expect.poll(lines).toMatch(/^Exec=".*electron" ".*" "--hidden"$/m)
  expect(await lines()).toMatch(/^\[Desktop Entry\]\nType=Application\n/)
  await toggle.click()
  await expect.poll(() => existsSync(entry)).toBe(false)
})

test('without the tray closing quits and stops the machine; started hidden it waits in the tray, and its window comes back where it was', async ({
  desktop,
  home,
  virtual,
}) => {
  const bounds = { x: 120, y: 60, width: 1010, height: 640 }
  const { app, window } = desktop.current
  await app.evaluate(({ BrowserWindow }, at) => BrowserWindow.getAllWindows()[0]?.setBounds(at), bounds)
  const read = (from: ElectronApplication) =>
    from.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getNormalBounds())
  await expect.poll(() => read(app)).toEqual(bounds)
  expect((await home.slipway('start')).code).toBe(0)
  const { pid } = JSON.parse((await home.slipway('status', '--json')).stdout)
  await bridge(window, 'settings.set', [{ closeToTray: false }], 'c')
  const ended = app.waitForEvent('close', { timeout: 120_000 })
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
  await ended
  expect(await isAlive(pid)).toBe(false)
  const next = await start(home, virtual, '--hidden')
  await expect.poll(async () => (await home.slipway('status')).stdout).toContain('Home:')
  expect(await next.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(0)
  await next.evaluate(({ app }) => void app.emit('activate'))
  desktop.current = await openedDesktop(next)
  await expect.poll(() => read(desktop.current.app)).toEqual(bounds)
  const containers = new ContainersPage(desktop.current.window)
  await expect(containers.app.engine('Stopped')).toBeVisible()
})
