import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import axe from 'axe-core'
import type { Page, Route } from 'playwright/test'
import { expect, test } from './app.ts'
import { AppWindow, type Section } from './pages/app-window.ts'
import { ContainersPage } from './pages/containers-page.ts'
import { RunDialog } from './pages/run-dialog.ts'

const SECTIONS: Section[] = ['Containers', 'Images', 'Volumes', 'Networks', 'Clean up', 'Machine', 'Settings']
const TABS = ['logs', 'terminal', 'files', 'changes', 'stats', 'processes', 'ports', 'environment', 'inspect']

/** Serious and critical findings of axe, one line each: rule, place and what is wrong. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: put there by the script above
    return (await (globalThis as any).axe.run()) as import('axe-core').AxeResults
  })
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary?.replaceAll('\n', ' ')}`),
    )
}

for (const theme of ['light', 'dark'] as const) {
  test(`no page has a serious accessibility finding (${theme})`, async ({ window: page, docker }) => {
    test.setTimeout(300_000)
    const app = new AppWindow(page)
    await docker('run', '-d', '--name', 'web', '-p', '127.0.0.1::80', '-v', 'data:/data', 'slipway/welcome')
    await docker('create', '--name', 'spare', 'slipway/welcome')
    const containers = new ContainersPage(page)
    await expect(containers.row('spare')).toBeVisible()
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
    const found: string[] = []
    const look = async (what: string) => {
      await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0)
      found.push(...(await findings(page)).map((finding) => `${what}: ${finding}`))
    }
    for (const section of SECTIONS) {
      await app.goTo(section)
      await look(section)
    }
    await app.goTo('Containers')
    await containers.open('web')
    const address = new URL(page.url())
    for (const tab of TABS) {
      address.hash = address.hash.replace(/[^/]+$/, tab)
      await page.goto(address.href)
      await look(tab)
    }
    await app.goTo('Settings')
    await page.getByRole('button', { name: 'Sign in…' }).click()
    await look('sign in')
    await page.keyboard.press('Escape')
    await app.goTo('Images')
    await page.getByRole('main').getByRole('button', { name: 'Pull', exact: true }).first().click()
    await app.dialog('Pull an image').getByLabel('Image').pressSequentially('slip')
    await expect(page.getByRole('option').first()).toBeVisible()
    await look('pull dialog')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await app.goTo('Volumes')
    await page.getByRole('link', { name: 'data', exact: true }).click()
    await expect(app.heading('data')).toBeVisible()
    await look('volume')
    await page.getByRole('button', { name: /^Notices/ }).click()
    await look('notices')
    await page.keyboard.press('Escape')
    await app.goTo('Containers')
    await new RunDialog(page).open()
    await page.getByRole('button', { name: 'More options' }).click()
    await look('run dialog')
    await page.keyboard.press('Escape')
    await app.palette('w')
    await look('palette')
    await page.keyboard.press('Escape')
    await docker('rm', '-f', 'web', 'spare')
    await docker('volume', 'rm', 'data')
    expect(found).toEqual([])
  })
}

/** What each page asks the engine for first, and what it says when there is nothing. */
const ASKS: [section: Section, method: string, empty: string][] = [
  ['Containers', 'containers.list', 'No containers yet'],
  ['Images', 'images.list', 'No images yet'],
  ['Volumes', 'volumes.list', 'No volumes yet'],
  ['Networks', 'networks.list', 'No networks'],
  ['Clean up', 'system.df', 'Nothing to clean up'],
]

test('each page tells waiting, failure and emptiness apart, and tries again', async ({
  window: page,
  engine: _engine,
}) => {
  const app = new AppWindow(page)
  await expect(app.engine('Running')).toBeVisible()
  const { sidebar } = app
  const main = page.getByRole('main')
  for (const [section, method, empty] of ASKS) {
    await test.step(section, async () => {
      const held: Route[] = []
      let broken = true
      await page.route(`**/api/call/${method}`, (route) =>
        broken ? void held.push(route) : route.continue(),
      )
      await page.goto('about:blank')
      await page.goBack()
      await sidebar.getByRole('link', { name: section, exact: true }).click()
      await expect(main.getByRole('status', { name: 'Loading' })).toBeVisible()
      await expect(main.getByText(empty)).toBeHidden()
      await expect.poll(() => held.length).toBeGreaterThan(0)
      broken = false
      const error = { kind: 'unavailable', message: `${method}: no answer` }
      for (const route of held) await route.fulfill({ json: { ok: false, error } })
      await expect(main.getByText('Could not load this')).toBeVisible()
      await expect(main.getByText(`${method}: no answer`)).toBeVisible()
      await expect(main.getByText(empty)).toBeHidden()
      await main.getByRole('button', { name: 'Try again' }).click()
      await expect(main.getByText('Could not load this')).toBeHidden()
      await page.unroute(`**/api/call/${method}`)
    })
  }
  await test.step('and a refresh that fails keeps what was known, saying so', async () => {
    await app.goTo('Networks')
    await expect(page.getByRole('row').filter({ hasText: 'bridge' }).first()).toBeVisible()
    await page.route('**/api/call/networks.list', (route) =>
      route.fulfill({ json: { ok: false, error: { kind: 'unavailable', message: 'gone' } } }),
    )
    await _engine.docker('network', 'create', 'fresh')
    await expect(main.getByText('Showing what was known before.', { exact: false })).toBeVisible()
    await expect(page.getByRole('row').filter({ hasText: 'bridge' }).first()).toBeVisible()
    await page.unroute('**/api/call/networks.list')
    await main.getByRole('button', { name: 'Try again' }).click()
    await expect(page.getByRole('row').filter({ hasText: 'fresh' })).toBeVisible()
    await _engine.docker('network', 'rm', 'fresh')
  })
})

test('the page is small and ready soon after the engine is', async ({ window: page, engine: _engine }) => {
  const index = await readFile('dist/renderer/index.html', 'utf8')
  const scripts = [...index.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map((match) => match[1])
  const sizes = await Promise.all(
    scripts.map(async (name) => gzipSync(await readFile(`dist/renderer/${name}`)).length),
  )
  const initial = Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1000)
  await page.reload()
  await expect(page.getByRole('main').getByRole('button', { name: 'Run', exact: true })).toBeEnabled()
  const ready = await page.evaluate(() => Math.round(performance.now()))
  console.log(
    `initial JS ${initial} kB gzip in ${scripts.length} files; Run can be pressed ${ready} ms after navigation`,
  )
  expect(scripts.length).toBeGreaterThan(0)
  expect(initial).toBeLessThanOrEqual(350)
})

test('the palette reaches pages, containers and what can be done to them', async ({
  window: page,
  docker,
}) => {
  await docker('run', '-d', '--name', 'palette-target', 'slipway/welcome')
  const app = new AppWindow(page)
  await expect(new ContainersPage(page).row('palette-target')).toBeVisible()
  await app.palette('volumes')
  await page.keyboard.press('Enter')
  await expect(app.heading('Volumes')).toBeVisible()
  await test.step('what begins with the letters comes first', async () => {
    const list = await app.palette('tar')
    await expect(list.getByRole('option').first()).toContainText('palette-target')
    await page.keyboard.press('Control+k')
    await expect(list).toBeHidden()
    await app.palette('wel')
    await expect(list.getByRole('option', { name: /^slipway\/welcome:latest/ })).toBeVisible()
    await page.getByPlaceholder('Type a command or search…').fill('cre netw')
    await page.keyboard.press('Enter')
    await expect(app.dialog('Create a network')).toBeVisible()
    await page.keyboard.press('Escape')
    await expect(app.dialog('Create a network')).toBeHidden()
  })
  const palette = await app.palette('palette-tar')
  await palette.getByRole('option', { name: /palette-target/ }).click()
  await palette.getByPlaceholder('Type a command or search…').fill('stop')
  await page.keyboard.press('Enter')
  await expect
    .poll(() => docker('inspect', '-f', '{{.State.Running}}', 'palette-target'), { timeout: 30_000 })
    .toBe('false')
  await docker('volume', 'create', 'palette-volume')
  const again = await app.palette('palette-vol')
  await again.getByRole('option', { name: /palette-volume/ }).click()
  await again.getByRole('option', { name: 'Browse files' }).click()
  await expect(app.heading('palette-volume')).toBeVisible()
  await docker('volume', 'rm', 'palette-volume')
})

test('keys reach every page', async ({ window: page, engine: _engine }) => {
  const app = new AppWindow(page)
  await expect(app.heading('Containers')).toBeVisible()
  for (const [index, section] of SECTIONS.slice(0, 6).entries()) {
    await page.keyboard.press(`Control+${index + 1}`)
    await expect(app.heading(section)).toBeVisible()
  }
  await page.keyboard.press('Control+,')
  await expect(app.heading('Settings')).toBeVisible()
  await app.goTo('Images')
  await page.keyboard.press('/')
  await expect(page.getByRole('searchbox', { name: 'Search images' })).toBeFocused()
  await page.keyboard.press('Escape')
  await page.keyboard.press('n')
  await expect(app.dialog('Run a container')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(app.dialog('Run a container')).toBeHidden()
})

test('Korean and the dark theme are chosen in Settings, at once and for good', async ({
  window: page,
  engine,
}) => {
  const app = new AppWindow(page)
  await app.goTo('Settings')
  await app.select('Language', '한국어')
  await expect(page.getByRole('heading', { level: 1, name: '설정' })).toBeVisible()
  await app.select('화면 모드', '어둡게')
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.reload()
  await expect(page.getByRole('heading', { level: 1, name: '설정' })).toBeVisible()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await expect(page.locator('html')).toHaveAttribute('lang', 'ko')
  expect((await engine.slipway('config', 'get', 'language')).stdout.trim()).toBe('ko')
  await engine.slipway('config', 'set', 'language', 'en')
  await engine.slipway('config', 'set', 'theme', 'system')
  await expect(app.heading('Settings')).toBeVisible()
})
