import { existsSync } from 'node:fs'
import { expect, statusOf, test } from './app.ts'
import { freePort } from './fixtures/registry.ts'
import { AppWindow } from './pages/app-window.ts'
import { ContainerPage } from './pages/container-page.ts'
import { ContainersPage } from './pages/containers-page.ts'
import { RunDialog } from './pages/run-dialog.ts'

test('from a fresh home to a page of an own container, a shell in it, its log, and away with it', async ({
  window: page,
  slipway,
}) => {
  const app = new AppWindow(page)
  const containers = new ContainersPage(page)
  const container = new ContainerPage(page)

  await test.step('the engine is stopped and the window says so', async () => {
    await expect(app.engine('Stopped')).toBeVisible()
    await expect(page.getByText('The engine is not running')).toBeVisible()
    await expect(page.getByRole('button', { name: 'Run', exact: true })).toBeDisabled()
  })

  await test.step('starting shows its steps and ends in running', async () => {
    await page.getByRole('main').getByRole('button', { name: 'Start engine' }).click()
    await expect(page.getByRole('progressbar', { name: 'Starting' }).first()).toBeVisible()
    await expect(page.getByRole('listitem').and(page.locator('[aria-current=step]'))).toHaveText(
      /Launching|Starting|Connecting|disk|ports/,
    )
    await expect(app.engine('Running')).toBeVisible({ timeout: 150_000 })
    expect((await slipway.slipway('status', '--json')).stdout).toContain('"state":"running"')
  })

  await test.step('the first-run path ends at the page of an own container', async () => {
    await page.getByRole('button', { name: 'Run your first container' }).click()
    await page.getByRole('button', { name: 'Run slipway/welcome' }).click()
    const link = page.getByRole('button', { name: /^http:\/\/localhost:\d+$/ })
    await expect(link.or(page.getByRole('alert'))).toHaveText(/^http/)
    await expect(link).toBeEnabled()
    const answer = await fetch((await link.textContent()) ?? '')
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('<html')
  })

  const port = await freePort()
  await test.step('the dialog runs another with a name and a port', async () => {
    await app.goTo('Containers')
    const dialog = new RunDialog(page)
    await dialog.open()
    await dialog.fill({ image: 'slipway/welcome', name: 'hello' })
    await dialog.port(port, 80)
    await expect(dialog.dialog).toContainText(`docker run -d --name hello -p ${port}:80 slipway/welcome`)
    await dialog.run()
    await expect(app.heading('hello')).toBeVisible()
    await app.goTo('Containers')
    await expect(containers.row('hello').getByRole('button', { name: `Open port ${port}` })).toBeVisible()
    await expect.poll(() => statusOf(`http://localhost:${port}/`)).toBe(200)
    await containers.open('hello')
  })

  await test.step('its log shows what it writes, as it writes it', async () => {
    await container.openTab('Logs')
    await slipway.docker('exec', 'hello', 'sh', '-c', 'echo written later >/proc/1/fd/1')
    await expect(container.log).toContainText('written later')
  })

  await test.step('a shell answers and takes the size of the window', async () => {
    const { terminal } = container
    await container.openTab('Terminal')
    await terminal.enter('echo $((6 * 7)) from inside')
    await expect.poll(() => terminal.text()).toContain('\n42 from inside')
    const size = async (mark: string) => {
      await terminal.enter(`echo ${mark} $(stty size)`)
      const line = new RegExp(`^${mark} (\\d+) (\\d+)`, 'm')
      await expect.poll(() => terminal.text()).toMatch(line)
      return (
        line
          .exec(await terminal.text())
          ?.slice(1)
          .map(Number) ?? []
      )
    }
    const [rows = 0, columns = 0] = await size('wide')
    await page.setViewportSize({ width: 900, height: 600 })
    await expect(async () => {
      const [fewer = 0, narrower = 0] = await size('narrow')
      expect(fewer).toBeLessThan(rows)
      expect(narrower).toBeLessThan(columns)
      await terminal.enter('clear')
    }).toPass()
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  await test.step('stop, then delete', async () => {
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await expect(page.getByText(/^Exited \(\d+\)$/)).toBeVisible()
    await expect.poll(() => statusOf(`http://localhost:${port}/`)).toBe(undefined)
    await app.goTo('Containers')
    await containers.act('hello', 'Delete')
    await expect(page.getByText('hello deleted')).toBeVisible()
    await expect(containers.row('hello')).toBeHidden()
    expect((await slipway.docker('ps', '-aq', '--filter', 'name=hello')).stdout).toBe('')
  })

  await test.step('stopping the engine is seen at once', async () => {
    await app.goTo('Machine')
    await page.getByRole('main').getByRole('button', { name: 'Stop engine' }).click()
    await expect(app.engine('Stopped')).toBeVisible({ timeout: 60_000 })
  })

  await test.step('resetting everything leaves a fresh home', async () => {
    expect((await slipway.slipway('config', 'get', 'registryMirrors')).stdout).toContain('http')
    await app.reset('Reset everything')
    await expect
      .poll(async () => (await slipway.slipway('config', 'get', 'registryMirrors')).stdout.trim())
      .toBe('')
    expect(existsSync(`${slipway.home}/data.img`)).toBe(false)
  })
})
