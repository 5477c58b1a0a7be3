import { mkdir, writeFile } from 'node:fs/promises'
import { expect, test } from './app.ts'
import { gatedRegistry } from './fixtures/gated-registry.ts'
import { AppWindow } from './pages/app-window.ts'
import { ImagesPage } from './pages/images-page.ts'
import { RunDialog } from './pages/run-dialog.ts'

test('a pull shows its layers, can be cancelled and taken up again; the image runs and goes', async ({
  window: page,
  docker,
  registry,
}) => {
  await using gate = await gatedRegistry(registry)
  const images = new ImagesPage(page)
  const name = `${gate.host}/library/redis:7`
  await images.app.goTo('Images')

  await test.step('each layer has its progress', async () => {
    gate.hold()
    await images.pull(name)
    await expect(page.getByText(`Pulling ${name}`)).toBeVisible()
    const layers = page.getByRole('listitem').filter({ has: page.getByRole('progressbar') })
    await expect(layers).toHaveCount(2)
    await expect(layers.filter({ hasText: 'Downloading' }).first()).toBeVisible()
    await expect(layers.filter({ hasText: / \/ [\d.]+ MB/ }).first()).toBeVisible()
  })

  await test.step('cancelling ends the download and leaves no image', async () => {
    expect(gate.waiting()).toBeGreaterThan(0)
    await page.getByRole('main').getByRole('button', { name: 'Cancel' }).click()
    await expect(page.getByText(`Pulling ${name}`)).toBeHidden()
    await expect.poll(() => gate.waiting()).toBe(0)
    expect(await docker('images', '-q', name)).toBe('')
    await expect(page.getByRole('alert')).toBeHidden()
  })

  await test.step('pulled again, it is in the list with its size', async () => {
    gate.letThrough()
    await images.pull(name)
    await expect(page.getByText(`${name} is here`)).toBeVisible({ timeout: 120_000 })
    await expect(images.row(name)).toContainText(/\d MB/)
  })

  await test.step('Run on its row fills the dialog and runs it', async () => {
    await images.row(name).getByRole('button', { name: 'Run…' }).click()
    const dialog = new RunDialog(page)
    await expect(dialog.field('Image')).toHaveValue(name)
    await dialog.fill({ name: 'store' })
    await dialog.run()
    await expect(images.app.heading('store')).toBeVisible({ timeout: 60_000 })
    // Its server may need a moment longer than the first question.
    await expect.poll(() => docker('exec', 'store', 'sh', '-c', 'redis-cli ping || true')).toBe('PONG')
    await images.app.goTo('Images')
    await expect(images.row(name)).toContainText('1 container')
  })

  await test.step('its layers and who uses it', async () => {
    await images.act(name, 'Layers and details')
    await expect(page.getByRole('heading', { name: 'Layers' })).toBeVisible()
    await expect(page.getByText('RUN install redis-server')).toBeVisible()
    await expect(page.getByRole('link', { name: 'store' })).toBeVisible()
    await page.getByRole('link', { name: 'Back' }).click()
  })

  await test.step('an image in use is refused in the engine’s words; afterwards it goes and says what it frees', async () => {
    await images.act(name, 'Delete')
    await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('conflict: unable to')
    await docker('rm', '-f', 'store')
    await expect(images.row(name)).not.toContainText('1 container')
    await images.act(name, 'Delete')
    const notices = page.getByRole('region', { name: 'Notifications' })
    await expect(notices).toContainText(`${name} deleted`)
    await expect(notices).toContainText(/Frees [\d.]+ MB/)
    await notices.getByRole('button', { name: 'Undo' }).click()
    expect(await docker('images', '-q', name)).not.toBe('')
    await images.act(name, 'Delete')
    await expect(images.row(name)).toBeHidden()
    expect(await docker('images', '-q', name)).toBe('')
  })

  await test.step('a pull from somewhere else is told when it has ended', async () => {
    await docker('pull', '-q', 'alpine')
    await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('alpine:latest is here')
    await expect(images.row('alpine:latest')).toBeVisible()
    await docker('rmi', 'alpine')
  })
})

test('what cannot be pulled says why, beside the images that are there', async ({
  window: page,
  docker,
  registry,
}) => {
  const images = new ImagesPage(page)
  await images.app.goTo('Images')
  const name = `${registry.host}/library/nosuch:1`
  await images.pull(name)
  const text = `manifest for ${name} not found`
  await expect(page.getByRole('main').getByText(text)).toBeVisible()
  await expect(images.row('slipway/welcome')).toBeVisible()
  await page.getByRole('main').getByRole('button', { name: 'Dismiss' }).click()
  await expect(page.getByRole('main').getByText(text)).toBeHidden()
  await images.pull('Not:/a reference')
  await expect(page.getByRole('main').getByText('invalid reference format')).toBeVisible()
  expect(await docker('images', '-q', name)).toBe('')
})

test('names and tags of the registry complete what is typed', async ({
  window: page,
  engine: _engine,
  registry,
}) => {
  const app = new AppWindow(page)
  await app.goTo('Images')
  await page.getByRole('main').getByRole('button', { name: 'Pull', exact: true }).first().click()
  const field = app.dialog('Pull an image').getByLabel('Image')
  await field.fill(`${registry.host}/`)
  await field.pressSequentially('edi')
  const found = page.getByRole('option')
  await expect(found).toHaveText([`${registry.host}/library/redis`])
  await found.click()
  await expect(field).toHaveValue(`${registry.host}/library/redis`)
  await field.pressSequentially(':')
  await expect(page.getByRole('option', { name: `${registry.host}/library/redis:7` })).toBeVisible()
  await page.getByRole('option', { name: `${registry.host}/library/redis:7` }).click()
  await expect(field).toHaveValue(`${registry.host}/library/redis:7`)
  await field.fill('127.0.0.1:1/nobody')
  await expect(app.dialog('Pull an image')).toContainText(/No suggestions from the registry: .*refused/)
})

test('an image gets another name, is saved to a file and loaded from it', async ({
  window: page,
  docker,
}) => {
  const images = new ImagesPage(page)
  await images.app.goTo('Images')
  await images.act('slipway/welcome', 'Tag…')
  await page.getByRole('dialog').getByLabel('New name').fill('mine:1')
  await page.getByRole('dialog').getByRole('button', { name: 'Tag' }).click()
  await expect(images.row('mine:1')).toBeVisible()
  const download = page.waitForEvent('download')
  await images.act('mine:1', 'Save as file')
  const file = await (await download).path()
  await docker('rmi', 'mine:1')
  await expect(images.row('mine:1')).toBeHidden()
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Load from file' }).click()
  await (await chooser).setFiles(file)
  await expect(images.row('mine:1')).toBeVisible()
  await docker('rmi', 'mine:1')

  await test.step('one without a name is found by the filter, and goes', async () => {
    await docker('image', 'prune', '-f')
    await docker('commit', await docker('create', 'slipway/welcome'))
    await page.getByRole('button', { name: 'Untagged', exact: true }).click()
    const grid = page.getByRole('grid', { name: 'Images' })
    await expect(grid.getByText('Untagged')).toHaveCount(1)
    await expect(grid.getByText('slipway/welcome')).toHaveCount(0)
    await images.act('Untagged', 'Delete')
    await expect.poll(() => docker('images', '-q', '-f', 'dangling=true')).toBe('')
  })
})

test('a folder is built into an image, its output streamed', async ({ window: page, docker }, info) => {
  const folder = info.outputPath('context')
  await mkdir(folder, { recursive: true })
  await writeFile(
    `${folder}/Dockerfile`,
    'FROM slipway/welcome\nCOPY page /www/page\nRUN echo built by $(uname)\n',
  )
  await writeFile(`${folder}/page`, 'a page')
  const images = new ImagesPage(page)
  await images.app.goTo('Images')
  await page.getByRole('button', { name: 'Build', exact: true }).click()
  const dialog = images.app.dialog('Build an image')
  const chooser = page.waitForEvent('filechooser')
  await dialog.getByRole('button', { name: 'Choose folder…' }).click()
  await (await chooser).setFiles(folder)
  await dialog.getByLabel('Name').fill('built:1')
  await dialog.getByRole('button', { name: 'Build', exact: true }).click()
  await expect(page.getByText('built:1 built')).toBeVisible({ timeout: 60_000 })
  expect(await docker('run', '--rm', 'built:1', 'cat', '/www/page')).toBe('a page')
  await docker('rmi', 'built:1')
})
