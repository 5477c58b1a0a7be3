/** Pictures for README and docs, taken of the real thing: SLIPWAY_SCREENSHOTS=1. */
import { expect, test } from './app.ts'
import { ContainerPage } from './pages/container-page.ts'
import { ContainersPage } from './pages/containers-page.ts'
import { ImagesPage } from './pages/images-page.ts'
import { RunDialog } from './pages/run-dialog.ts'

test.skip(!process.env['SLIPWAY_SCREENSHOTS'], 'pictures are taken on request: SLIPWAY_SCREENSHOTS=1')
test.setTimeout(900_000)

test('the set of docs/screenshots', async ({ window: page, docker, engine, registry }) => {
  const containers = new ContainersPage(page)
  const container = new ContainerPage(page)
  const { app } = containers
  const project = (service: string) => [
    '--label',
    'com.docker.compose.project=shop',
    '--label',
    `com.docker.compose.service=${service}`,
  ]
  for (const image of ['nginx', 'redis:7', 'busybox']) await docker('pull', '-q', image)
  await docker('run', '-d', '--name', 'welcome', '-p', '127.0.0.1:8080:80', 'slipway/welcome')
  await docker('run', '-d', '--name', 'shop-web-1', ...project('web'), '-p', '127.0.0.1:8081:80', 'nginx')
  await docker('run', '-d', '--name', 'shop-cache-1', ...project('cache'), '-v', 'shop-data:/data', 'redis:7')
  await docker('run', '-d', '--name', 'cache', '-p', '127.0.0.1:6379:6379', 'redis:7')
  await docker(
    'run',
    '-d',
    '--name',
    'worker',
    '--health-cmd',
    'true',
    '--health-interval',
    '5s',
    'busybox',
    'sh',
    '-c',
    'i=0; while sleep 1; do i=$((i+1)); echo "INFO  job $i done in $((i * 7 % 50)) ms"; [ $((i % 9)) -eq 0 ] && echo "WARN  queue is $((i * 3)) long"; [ $((i % 17)) -eq 0 ] && echo "ERROR job $i: connection refused, will retry" >&2; done',
  )
  await docker('create', '--name', 'spare', 'busybox', 'sleep', '1000')
  await engine.docker('run', '-d', '--name', 'typo', 'busybox', 'pyhton', 'app.py')
  await docker('run', '-d', '--name', 'greedy', '-m', '16m', 'busybox', 'tail', '/dev/zero')
  await docker(
    'exec',
    'shop-cache-1',
    'sh',
    '-c',
    'mkdir /data/backup; echo a >/data/dump.rdb; date >/data/backup/one',
  )
  for (let visit = 0; visit < 12; visit++) await fetch(`http://127.0.0.1:8081/${visit % 3 ? '' : 'missing'}`)

  const picture = async (name: string) => {
    await page.mouse.move(640, 795)
    await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0)
    await page.screenshot({ path: `docs/screenshots/${name}.png`, animations: 'disabled' })
  }
  /** The same view small, dark and in Korean. */
  const variants = async (name: string) => {
    await picture(name)
    await page.setViewportSize({ width: 900, height: 600 })
    await picture(`${name}-small`)
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(`${name}-dark`)
    await page.emulateMedia({ colorScheme: 'light' })
    await engine.slipway('config', 'set', 'language', 'ko')
    await expect(page.locator('html')).toHaveAttribute('lang', 'ko')
    await picture(`${name}-ko`)
    await engine.slipway('config', 'set', 'language', 'en')
    await expect(page.locator('html')).toHaveAttribute('lang', 'en')
  }

  await expect(containers.row('welcome').getByRole('img', { name: /^CPU/ })).toBeVisible()
  await expect
    .poll(() => docker('inspect', '-f', '{{.State.Health.Status}}', 'worker'), { timeout: 60_000 })
    .toBe('healthy')
  await page.waitForFunction(() => performance.now() > 45_000)
  // What died has said so, and its notice is gone again.
  await page.getByRole('button', { name: /^Notices/ }).click()
  await expect(page.getByRole('dialog', { name: 'Notices' })).toContainText('greedy exited')
  await page.keyboard.press('Escape')
  const toasts = page.getByRole('region', { name: 'Notifications' })
  await expect(async () => {
    for (const close of await toasts.getByRole('button', { name: 'Close' }).all()) await close.click()
    await expect(toasts).not.toContainText('exited', { timeout: 2000 })
  }).toPass()
  // Neither a ring around what was pressed last, nor curves that have just begun.
  await page.getByRole('button', { name: /^Notices/ }).blur()
  await page.waitForFunction(
    (until) => performance.now() > until,
    (await page.evaluate(() => performance.now())) + 30_000,
  )
  await variants('containers')

  await page.getByRole('button', { name: /^Notices/ }).click()
  await expect(page.getByRole('dialog', { name: 'Notices' })).toContainText('greedy exited')
  await picture('notices')
  await page.keyboard.press('Escape')

  await containers.open('worker')
  await expect(container.log).toContainText('WARN')
  await variants('container-logs')
  await page.getByRole('searchbox', { name: 'Search log' }).fill('queue')
  await picture('container-logs-search')

  await app.goTo('Containers')
  await page
    .getByRole('grid')
    .getByRole('link', { name: 'web', exact: true })
    .or(containers.row('shop-web-1').getByRole('link'))
    .first()
    .click()
  await container.openTab('Terminal')
  await container.terminal.enter('ls -l /etc/nginx; nginx -v; uname -a')
  await expect.poll(() => container.terminal.text()).toContain('Linux')
  await variants('container-terminal')
  await container.openTab('Stats')
  await expect(page.getByText('Memory, limit')).toBeVisible()
  await page.waitForFunction(
    (until) => performance.now() > until,
    (await page.evaluate(() => performance.now())) + 20_000,
  )
  await variants('container-stats')
  for (const tab of ['Files', 'Ports', 'Processes', 'Environment', 'Inspect', 'Changes'] as const) {
    await container.openTab(tab)
    await picture(`container-${tab.toLowerCase()}`)
  }

  for (const section of ['Images', 'Volumes', 'Networks', 'Clean up', 'Machine', 'Settings'] as const) {
    await app.goTo(section)
    if (section === 'Volumes')
      await expect(page.getByRole('row').filter({ hasText: 'shop-data' })).toContainText(/\d k?B/)
    if (section === 'Machine') await expect(page.getByRole('meter', { name: 'Disk' })).toBeVisible()
    await variants(section.toLowerCase().replace(' ', ''))
    if (section === 'Images') {
      await page.getByRole('main').getByRole('button', { name: 'Pull', exact: true }).first().click()
      const field = app.dialog('Pull an image').getByLabel('Image')
      await field.pressSequentially(`${registry.host}/`)
      await expect(page.getByRole('option').nth(2)).toBeVisible()
      await picture('images-pull')
      await page.keyboard.press('Escape')
      await page.keyboard.press('Escape')
      await new ImagesPage(page).act('nginx:latest', 'Layers and details')
      await expect(page.getByRole('heading', { name: 'Layers' })).toBeVisible()
      await picture('image')
    }
    if (section === 'Networks') {
      await page.getByRole('row').filter({ hasText: 'bridge' }).first().dblclick()
      await expect(app.heading('bridge')).toBeVisible()
      await picture('network')
    }
    if (section === 'Volumes') {
      await page.getByRole('link', { name: 'shop-data' }).click()
      await expect(app.heading('shop-data')).toBeVisible()
      await picture('volume-files')
    }
    if (section === 'Machine') {
      await page.getByRole('link', { name: 'Shell' }).click()
      await container.terminal.enter('uname -a; free -m')
      await expect.poll(() => container.terminal.text()).toContain('Mem:')
      await picture('machine-shell')
    }
    if (section === 'Settings') {
      await page.getByRole('button', { name: 'Sign in…' }).click()
      await picture('settings-sign-in')
      await page.keyboard.press('Escape')
    }
  }

  await app.goTo('Containers')
  const dialog = new RunDialog(page)
  await dialog.open()
  await dialog.fill({ image: 'nginx:latest', name: 'site' })
  await dialog.port(8080, 80)
  await page.keyboard
    .press('Escape')
    .then(() => dialog.dialog.isHidden())
    .then(async (hidden) => {
      if (hidden) await dialog.open()
    })
  await dialog.fill({ image: 'nginx:latest', name: 'site' })
  if ((await dialog.dialog.getByRole('textbox', { name: 'This computer' }).count()) === 0)
    await dialog.port(8080, 80)
  await expect(dialog.dialog).toContainText('is taken')
  await variants('run-dialog')
  await page.keyboard.press('Escape')
  await app.palette('wor')
  await variants('palette')
  await page.keyboard.press('Escape')
  await app.palette('welcome')
  await page.getByRole('option', { name: 'Go to Welcome' }).click()
  await expect(page.getByText('Open its page')).toBeVisible()
  await variants('welcome')
})
