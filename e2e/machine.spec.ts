import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, statusOf, test } from './app.ts'
import { startSlipway } from './fixtures/slipway.ts'
import { AppWindow, type Section } from './pages/app-window.ts'
import { TerminalScreen } from './pages/terminal-screen.ts'

test('the machine page tells accelerator, use and version, and warns under emulation', async ({
  window: page,
  docker,
  engine,
}) => {
  const app = new AppWindow(page)
  await app.goTo('Machine')
  const { accelerator } = JSON.parse((await engine.slipway('status', '--json')).stdout)
  const warning = page.getByText('Running without hardware acceleration.')
  await (accelerator === 'tcg' ? expect(warning).toBeVisible() : expect(warning).toBeHidden())
  for (const meter of ['CPU', 'Memory', 'Disk']) {
    await expect(page.getByRole('meter', { name: meter })).toHaveAttribute('aria-valuenow', /^\d+$/)
  }
  const version = await docker('version', '-f', '{{.Server.Version}}, API {{.Server.APIVersion}}')
  await expect(page.getByText(version)).toBeVisible()
  await expect(page.getByText(`export DOCKER_HOST=unix://${engine.home}/docker.sock`)).toBeVisible()
})

test('logs of console, app and engine; a shell in the virtual machine', async ({
  window: page,
  engine: _engine,
}) => {
  const app = new AppWindow(page)
  await app.goTo('Machine')
  await page.getByRole('navigation', { name: 'Machine' }).getByRole('link', { name: 'Logs' }).click()
  const log = page.getByRole('log', { name: 'Log' })
  const source = page.getByRole('group', { name: 'Log' })
  await expect(log).toContainText(/slipway|Linux|init/i)
  await source.getByRole('button', { name: 'App' }).click()
  await expect(log).toContainText(/running|machine|engine/i)
  await source.getByRole('button', { name: 'Engine' }).click()
  await expect(log).not.toContainText('could not')
  await page.getByRole('link', { name: 'Shell' }).click()
  const terminal = new TerminalScreen(page)
  await terminal.enter('echo kernel $(uname -s) $((40 + 2))')
  await expect.poll(() => terminal.text()).toContain('\nkernel Linux 42')
})

test('diagnostics are one file without secrets', async ({ window: page, engine }) => {
  const app = new AppWindow(page)
  await engine.slipway('config', 'set', 'httpProxy', 'http://user:s3cret-word@proxy.invalid:3128')
  await app.goTo('Machine')
  await page.getByRole('main').getByRole('button', { name: 'Save' }).click()
  const notice = page.getByText(/diagnostics.*\.(tar\.gz|tgz|tar|zip)/)
  await expect(notice).toBeVisible({ timeout: 60_000 })
  const path = /\/\S+/.exec((await notice.textContent()) ?? '')?.[0] ?? ''
  const { stdout: names } = await promisify(execFile)('tar', ['-tf', path])
  expect(names).toContain('settings')
  const { stdout: all } = await promisify(execFile)('tar', ['-xOf', path], { maxBuffer: 64 << 20 })
  expect(all).not.toContain('s3cret-word')
  expect(all).not.toContain('PRIVATE KEY')
  await engine.slipway('config', 'set', 'httpProxy', '')
})

test('settings are kept, and what needs a restart says so', async ({ window: page, engine }) => {
  const app = new AppWindow(page)
  await app.goTo('Settings')
  const stored = async () => JSON.parse(await readFile(`${engine.home}/settings.json`, 'utf8'))
  await app.select('Port forwarding', 'Through the VM')
  await expect(page.getByText('This computer → virtual machine → container')).toBeVisible()
  await expect.poll(async () => (await stored()).portModel).toBe('double')
  await app.select('Port forwarding', 'Direct')
  const memory = page.getByRole('textbox', { name: 'Memory (MiB)' })
  await memory.fill('1536')
  await memory.press('Enter')
  await expect(page.getByText('Applied when the engine starts the next time.')).toBeVisible()
  await expect.poll(async () => (await stored()).memoryMiB).toBe(1536)
  const disk = page.getByRole('textbox', { name: 'Disk (GiB)' })
  await disk.fill('4')
  await disk.press('Enter')
  await expect(disk).toHaveValue('16')
  await memory.fill('2048')
  await memory.press('Enter')
  await page.getByRole('switch', { name: 'Notifications' }).click()
  await expect.poll(async () => (await stored()).notifications).toBe(false)
  await page.getByRole('switch', { name: 'Notifications' }).click()
})

test('both port models are shown hop by hop and can be reached', async ({ window: page, docker, engine }) => {
  await docker('run', '-d', '--name', 'web', '-p', '127.0.0.1:0:80', 'slipway/welcome')
  const port = (await docker('port', 'web', '80')).split(':').at(-1)
  const id = await docker('ps', '-q', '--no-trunc')
  await page.goto(`${new URL('/', page.url()).href}#/containers/${id}/ports`)
  const hops = page.getByRole('main').getByRole('list').getByRole('listitem')
  await expect(hops).toHaveCount(2)
  await engine.slipway('config', 'set', 'portModel', 'double')
  await page.reload()
  await expect(hops).toHaveCount(3)
  await expect(hops.nth(1)).toContainText(/Virtual machine.*10\.0\.2\.15/s)
  await expect.poll(() => statusOf(`http://127.0.0.1:${port}/`)).toBe(200)
  await engine.slipway('config', 'set', 'portModel', 'direct')
  await page.reload()
  await expect(hops).toHaveCount(2)
  await expect.poll(() => statusOf(`http://127.0.0.1:${port}/`)).toBe(200)
})

test('an engine that is gone is a problem of a running machine, until it is back', async ({
  window: page,
  engine,
}) => {
  const app = new AppWindow(page)
  const guest = async (command: string) => (await engine.slipway('ssh', command)).stdout.trim()
  await app.goTo('Machine')
  const problem = page.getByRole('main').getByText('The engine does not answer.')
  const agent = await guest('cat /run/slipway/agent.pid')
  // Who would start it again is held first. With the connection cut the app looks at once.
  const parent = await guest(`read -r pid name state parent rest </proc/${agent}/stat; echo $parent`)
  try {
    await guest(`kill -STOP ${parent}; kill -9 ${agent}; kill $(pidof sshd-session)`)
    await expect(problem).toBeVisible({ timeout: 60_000 })
    await expect(app.engine('Running with problems')).toBeVisible()
  } finally {
    // Said again each time: a connection that is made anew takes its commands with it.
    await expect
      .poll(
        async () => {
          await guest(`kill -CONT ${parent}`)
          return await guest('cat /run/slipway/agent.pid')
        },
        { timeout: 90_000 },
      )
      .toMatch(new RegExp(`^(?!${agent}$)\\d+$`))
  }
  await expect(problem).toBeHidden({ timeout: 90_000 })
  await expect(app.engine('Running with problems')).toBeHidden()
  await expect(app.engine('Running')).toBeVisible()
})

test('a killed machine is a failure with its cause; starting again brings everything back', async ({
  window: page,
  docker,
  engine,
}) => {
  test.setTimeout(300_000)
  const app = new AppWindow(page)
  await docker('run', '-d', '--name', 'survivor', 'slipway/welcome')
  const diskBlocks = async () =>
    Number((await engine.slipway('ssh', 'stat -f -c %b /var/lib/slipway')).stdout.trim())
  const before = await diskBlocks()
  await test.step('a larger disk waits for the next start', async () => {
    await app.goTo('Settings')
    const disk = page.getByRole('textbox', { name: 'Disk (GiB)' })
    await disk.fill('20')
    await disk.press('Enter')
    await expect(page.getByText('Applied when the engine starts the next time.')).toBeVisible()
    expect(await diskBlocks()).toBe(before)
    await app.goTo('Machine')
  })
  const { pid } = JSON.parse((await engine.slipway('status', '--json')).stdout)
  process.kill(pid, 'SIGKILL')
  await expect(app.engine('Stopped by an error')).toBeVisible({ timeout: 60_000 })
  await expect(page.getByRole('main')).toContainText(/SIGKILL|killed/i)
  await page.getByRole('main').getByRole('button', { name: 'Try again' }).click()
  await expect(app.engine('Running')).toBeVisible({ timeout: 150_000 })
  expect((await diskBlocks()) / before).toBeCloseTo(20 / 16, 1)
  await app.goTo('Containers')
  await expect(page.getByRole('row').filter({ hasText: 'survivor' })).toContainText('Exited')
})

test('while the engine is stopped each page says so, and what is to be reset is', async ({
  window: page,
  docker,
  engine,
}) => {
  test.setTimeout(300_000)
  const app = new AppWindow(page)
  await docker('create', '--name', 'doomed', '-v', 'doomed:/data', 'slipway/welcome')
  await app.goTo('Machine')
  await page.getByRole('main').getByRole('button', { name: 'Stop engine' }).click()
  await expect(app.engine('Stopped')).toBeVisible({ timeout: 60_000 })
  for (const section of ['Containers', 'Images', 'Volumes', 'Networks', 'Clean up'] as Section[]) {
    await app.goTo(section)
    await expect(page.getByText('The engine is not running')).toBeVisible()
    await expect(page.getByRole('main').getByRole('button', { name: 'Start engine' })).toBeVisible()
    await expect(page.getByRole('grid')).toHaveCount(0)
  }
  const settings = async () => JSON.parse(await readFile(`${engine.home}/settings.json`, 'utf8'))
  const before = await settings()
  await test.step('the settings, but for the size of the disk that is there', async () => {
    await engine.slipway('config', 'set', 'theme', 'dark')
    await app.goTo('Machine')
    await app.reset('Reset settings', { sure: false })
    expect((await settings()).theme).toBe('dark')
    await app.reset('Reset settings')
    await expect
      .poll(settings)
      .toMatchObject({ theme: 'system', registryMirrors: [], diskGiB: before.diskGiB })
    await page.evaluate(
      (patch) =>
        fetch('/api/call/settings.set', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify([patch]),
        }),
      before,
    )
    expect(await settings()).toEqual(before)
  })
  await test.step('everything in the engine, but not the settings', async () => {
    await app.reset('Delete all containers and images')
    await expect.poll(() => existsSync(`${engine.home}/data.img`)).toBe(false)
    expect(await settings()).toEqual(before)
  })
  await startSlipway(engine)
  await expect(app.engine('Running')).toBeVisible()
  expect(await docker('ps', '-aq')).toBe('')
  expect(await docker('volume', 'ls', '-q')).toBe('')
})
