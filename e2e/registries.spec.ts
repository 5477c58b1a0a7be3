import { readFile, stat } from 'node:fs/promises'
import { expect, test } from './app.ts'
import { ACCOUNT, startPrivateRegistry } from './fixtures/secure-registry.ts'
import { AppWindow } from './pages/app-window.ts'
import { ImagesPage } from './pages/images-page.ts'

test('a private registry: refused, signed in, pushed to, pulled from, signed out', async ({
  window: page,
  docker,
  engine,
}) => {
  await using registry = await startPrivateRegistry()
  const images = new ImagesPage(page)
  const app = new AppWindow(page)
  const name = `${registry.host}/team/app:1`
  // The engine loads its own image after it has answered for the first time.
  await expect.poll(async () => (await engine.docker('tag', 'slipway/welcome', name)).code).toBe(0)
  await images.app.goTo('Images')

  await test.step('a push is refused, and says how to go on', async () => {
    await images.act(name, 'Push')
    await expect(
      page.getByRole('main').getByText(/no basic auth|unauthorized|authentication required/i),
    ).toBeVisible()
    await page.getByRole('main').getByRole('button', { name: 'Sign in…' }).click()
  })

  const dialog = app.dialog('Sign in')
  await test.step('a wrong password is the registry’s to refuse, and is not kept', async () => {
    await expect(dialog.getByLabel('Registry')).toHaveValue(registry.host)
    await dialog.getByLabel('User name').fill(ACCOUNT.user)
    await dialog.getByLabel('Password or access token').fill('wrong')
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await expect(dialog.getByRole('alert')).toContainText(/unauthorized|authentication/i)
  })

  await test.step('signed in, the same push goes through', async () => {
    await dialog.getByLabel('Password or access token').fill(ACCOUNT.password)
    await dialog.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByText(`Signed in to ${registry.host}`)).toBeVisible()
    await page.getByRole('main').getByRole('button', { name: 'Try again' }).click()
    await expect(page.getByText(`${name} pushed`)).toBeVisible({ timeout: 60_000 })
    expect((await stat(`${engine.home}/registries.json`)).mode & 0o777).toBe(0o600)
  })

  await test.step('and it is pulled with its tags completed', async () => {
    await docker('rmi', name)
    await page.getByRole('main').getByRole('button', { name: 'Pull', exact: true }).first().click()
    const field = app.dialog('Pull an image').getByLabel('Image')
    await field.fill(`${registry.host}/team/app`)
    await field.pressSequentially(':')
    await page.getByRole('option', { name }).click()
    await page.keyboard.press('Enter')
    await expect(images.row(name)).toBeVisible({ timeout: 60_000 })
  })

  await test.step('Settings lists the account; signed out, the registry refuses again', async () => {
    await app.goTo('Settings')
    await expect(page.getByText(ACCOUNT.user, { exact: true })).toBeVisible()
    await page.getByRole('button', { name: `Sign out of ${registry.host}` }).click()
    await expect(page.getByText('Not signed in to any registry.', { exact: false })).toBeVisible()
    expect(await readFile(`${engine.home}/registries.json`, 'utf8')).not.toContain(ACCOUNT.password)
    await app.goTo('Images')
    await images.pull(name)
    await expect(page.getByRole('main').getByRole('button', { name: 'Sign in…' })).toBeVisible()
    await page.getByRole('main').getByRole('button', { name: 'Dismiss' }).click()
  })
  await docker('rmi', name)
})
