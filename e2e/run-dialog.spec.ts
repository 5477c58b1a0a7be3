import { expect, test } from './app.ts'
import { RunDialog } from './pages/run-dialog.ts'

test('a pasted command and a pasted .env fill the form; created without starting', async ({
  window: page,
  docker,
}) => {
  const run = new RunDialog(page)
  const { dialog } = run
  await run.open()
  await test.step('docker run over several lines, with what the form cannot hold', async () => {
    await dialog.getByRole('button', { name: 'Paste docker run' }).click()
    await dialog.getByRole('textbox', { name: 'Paste a docker run command' }).fill(
      `docker run -d \\
         --name pasted --env="GREETING=hello world" -p 127.0.0.1:18080:80 \\
         -v pasted-data:/data:ro --restart unless-stopped -m 64m --gpus all \\
         slipway/welcome httpd -f -p 80 -h /www`,
    )
    await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('--gpus all')
    await expect(run.field('Image')).toHaveValue('slipway/welcome')
    await expect(run.field('Name').first()).toHaveValue('pasted')
    await expect(dialog.getByRole('textbox', { name: 'This computer' })).toHaveValue('18080')
  })
  await test.step('a .env pasted into a row', async () => {
    await dialog.getByRole('textbox', { name: 'Value' }).evaluate((element) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text/plain', '# from a file\nCOLOUR=blue\nexport QUOTED="a b"\n')
      element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    })
    await expect(dialog.getByRole('textbox', { name: 'Value' })).toHaveCount(3)
  })
  await test.step('the equal command is shown and the container is created, not started', async () => {
    await expect(dialog).toContainText(
      "docker run -d --name pasted -p 127.0.0.1:18080:80 -e 'GREETING=hello world' -e COLOUR=blue -e 'QUOTED=a b' -v pasted-data:/data:ro --restart unless-stopped -m 64m slipway/welcome httpd -f -p 80 -h /www",
    )
    await dialog.getByRole('button', { name: 'Create only' }).click()
    await expect(dialog).toBeHidden()
    const made = JSON.parse(await docker('inspect', 'pasted'))[0]
    expect(made.Config.Env).toEqual(
      expect.arrayContaining(['GREETING=hello world', 'COLOUR=blue', 'QUOTED=a b']),
    )
    expect(made.State.Status).toBe('created')
    expect(made.HostConfig).toMatchObject({
      RestartPolicy: { Name: 'unless-stopped' },
      Memory: 64 * 2 ** 20,
      Binds: ['pasted-data:/data:ro'],
    })
  })
  await docker('rm', 'pasted')
  await docker('volume', 'rm', 'pasted-data')
})

test('what a pasted path needs is said before it is sent', async ({ window: page, engine: _engine }) => {
  const run = new RunDialog(page)
  await run.open()
  await run.dialog.getByRole('button', { name: 'Paste docker run' }).click()
  await run.dialog
    .getByRole('textbox', { name: 'Paste a docker run command' })
    .fill('docker run --rm -v "$(pwd)":/src -w /src busybox ls && echo done')
  await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('&& echo done')
  await expect(run.dialog).toContainText('$PWD, ~ and ./ mean nothing here')
  await page.keyboard.press('Escape')
})

test('an image is completed from what is here, tags too', async ({ window: page, docker }) => {
  await docker('tag', 'slipway/welcome', 'slipway/welcome:spare')
  const run = new RunDialog(page)
  await run.open()
  const options = page.getByRole('option')
  await page.keyboard.type('welcome')
  await expect(options.filter({ hasText: /^slipway\/welcome:(latest|spare)$/ })).toHaveCount(2)
  await page.keyboard.type(':sp')
  await expect(options).toHaveText(['slipway/welcome:spare'])
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await expect(options).toHaveCount(0)
  await expect(run.field('Image')).toHaveValue('slipway/welcome:spare')
  await expect(run.dialog).toContainText('docker run -d slipway/welcome:spare')
  await test.step('its port is proposed', async () => {
    await run.dialog.getByRole('button', { name: 'Add port' }).click()
    await expect(run.dialog.getByRole('textbox', { name: 'Container' })).toHaveValue('80')
    await expect(run.dialog.getByRole('textbox', { name: 'This computer' })).toHaveValue('8080')
    await expect(run.dialog).toContainText('docker run -d -p 8080:80 slipway/welcome:spare')
  })
  await page.keyboard.press('Escape')
  await docker('rmi', 'slipway/welcome:spare')
})
