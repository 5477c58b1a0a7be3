import { expect, test } from './app.ts'
import { AppWindow } from './pages/app-window.ts'

const IMAGE = 'slipway/welcome'

test('volumes: create, in use, files, size, delete', async ({ window: page, docker }) => {
  const app = new AppWindow(page)
  const row = (name: string) =>
    page.getByRole('grid', { name: 'Volumes' }).getByRole('row').filter({ hasText: name })
  await app.goTo('Volumes')
  await page.getByRole('main').getByRole('button', { name: 'Create', exact: true }).first().click()
  await page.getByRole('dialog').getByLabel('Name').fill('papers')
  await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click()
  await expect(row('papers')).toContainText('Unused')
  await docker('volume', 'create', 'made-outside')
  await expect(row('made-outside')).toBeVisible()

  await docker('run', '-d', '--name', 'web', '-v', 'papers:/data', IMAGE)
  await docker('exec', 'web', 'dd', 'if=/dev/zero', 'of=/data/big', 'bs=1M', 'count=3')
  await expect(row('papers').getByRole('link', { name: 'web' })).toBeVisible()
  await expect(row('papers').getByRole('button', { name: 'In use' })).toBeDisabled()
  await row('papers').getByRole('link', { name: 'web' }).click()
  await expect(app.heading('web')).toBeVisible()

  await docker('rm', '-f', 'web')
  await test.step('its files, with no container left', async () => {
    await app.goTo('Volumes')
    await row('papers').getByRole('link', { name: 'papers' }).click()
    await expect(app.heading('papers')).toBeVisible()
    const file = (name: string) =>
      page.getByRole('row').filter({ has: page.getByText(name, { exact: true }) })
    await expect(file('big')).toContainText('3.1 MB')
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer()
      transfer.items.add(new File(['by hand'], 'note.txt', { type: 'text/plain' }))
      return transfer
    })
    await page.getByRole('grid', { name: '/' }).dispatchEvent('drop', { dataTransfer: dropped })
    await file('note.txt').dblclick()
    const editor = page.getByRole('dialog', { name: '/note.txt' })
    await expect(editor.getByRole('textbox')).toHaveValue('by hand')
    await editor.getByRole('textbox').fill('edited')
    await editor.getByRole('button', { name: 'Save' }).click()
    await expect(editor).toBeHidden()
    expect(await docker('run', '--rm', '-v', 'papers:/data', IMAGE, 'cat', '/data/note.txt')).toBe('edited')
    await file('note.txt').click()
    await page.keyboard.press('Delete')
    await expect(page.getByText('note.txt deleted')).toBeVisible()
    await expect(file('note.txt')).toBeHidden()
  })
  await app.goTo('Volumes')
  await expect(row('papers')).toContainText('Unused')
  await expect(row('papers')).toContainText('3.1 MB')
  await row('papers').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('dialog', { name: /^Delete / })).toContainText('lost for good')
  await page
    .getByRole('dialog', { name: /^Delete / })
    .getByRole('button', { name: 'Delete' })
    .click()
  await expect(row('papers')).toBeHidden()
  await docker('volume', 'rm', 'made-outside')
  expect(await docker('volume', 'ls', '-q', '--filter', 'name=papers')).toBe('')
})

test('networks: create, members with addresses, connect and disconnect live, delete with undo', async ({
  window: page,
  docker,
}) => {
  const app = new AppWindow(page)
  const row = (name: string) =>
    page.getByRole('grid', { name: 'Networks' }).getByRole('row').filter({ hasText: name })
  await docker('run', '-d', '--name', 'web', IMAGE)
  await app.goTo('Networks')
  await expect(row('bridge')).toContainText('172.17.0.0/16')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  const dialog = app.dialog('Create a network')
  await dialog.getByLabel('Name').fill('back')
  await dialog.getByLabel('Subnet').fill('not a subnet')
  await dialog.getByRole('button', { name: 'Create' }).click()
  await expect(dialog.getByRole('alert')).toContainText('not a subnet')
  await dialog.getByLabel('Subnet').fill('172.30.5.0/24')
  await dialog.getByRole('button', { name: 'Create' }).click()
  await expect(row('back')).toContainText('172.30.5.0/24')

  await row('back').dblclick()
  await expect(app.heading('back')).toBeVisible()
  await expect(page.getByText('No container is connected.')).toBeVisible()
  await page.getByRole('button', { name: 'Connect' }).click()
  await app.choose('web')
  await expect(page.getByText('172.30.5.2/24')).toBeVisible()
  expect(await docker('inspect', '-f', '{{.NetworkSettings.Networks.back.IPAddress}}', 'web')).toBe(
    '172.30.5.2',
  )
  await page.getByRole('link', { name: 'Back' }).click()
  await expect(row('back').getByRole('gridcell').nth(3)).toHaveText('1')
  await expect(row('back').getByRole('button', { name: 'Delete' })).toBeDisabled()
  await row('back').dblclick()
  await page.getByRole('button', { name: 'Disconnect web' }).click()
  await expect(page.getByText('No container is connected.')).toBeVisible()

  await page.getByRole('link', { name: 'Back' }).click()
  await row('back').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByText('back deleted')).toBeVisible()
  await page.getByRole('button', { name: 'Undo' }).click()
  expect(await docker('network', 'ls', '-q', '--filter', 'name=back')).not.toBe('')
  await row('back').getByRole('button', { name: 'Delete' }).click()
  await expect(row('back')).toBeHidden()
  expect(await docker('network', 'ls', '-q', '--filter', 'name=back')).toBe('')
})

test('clean up says what can go and how much it frees, before it goes', async ({ window: page, docker }) => {
  const app = new AppWindow(page)
  // What other tests left would be counted too.
  await docker('system', 'prune', '-f')
  await docker('volume', 'prune', '-af')
  await docker('run', '--name', 'done', IMAGE, 'dd', 'if=/dev/zero', 'of=/big', 'bs=1M', 'count=5')
  await docker('run', '-d', '--name', 'busy', IMAGE)
  await docker('network', 'create', 'spare')
  await docker('volume', 'create', 'spare')
  await app.goTo('Clean up')
  await expect(page.getByRole('checkbox', { name: /^Stopped containers/ })).toBeChecked()
  await expect(page.getByText('done', { exact: true })).toBeVisible()
  await expect(page.getByText('5.2 MB', { exact: true })).toBeVisible()
  await expect(page.getByRole('checkbox', { name: /^Unused volumes/ })).not.toBeChecked()
  await expect(page.getByText('Frees up to 5.2 MB')).toBeVisible()
  await page.getByRole('main').getByRole('button', { name: 'Clean up' }).click()
  await expect(page.getByText('5.2 MB freed')).toBeVisible()
  expect(await docker('ps', '-a', '--format', '{{.Names}}')).toBe('busy')
  expect(await docker('network', 'ls', '-q', '--filter', 'name=spare')).toBe('')
  expect(await docker('volume', 'ls', '-q', '--filter', 'name=spare')).toBe('spare')
  await page.getByRole('checkbox', { name: /^Unused volumes/ }).click()
  await expect(page.getByText('Volumes hold data that cannot be brought back.')).toBeVisible()
  await page.getByRole('main').getByRole('button', { name: 'Clean up' }).click()
  await expect.poll(() => docker('volume', 'ls', '-q', '--filter', 'name=spare')).toBe('')
})
