import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, statusOf, test } from './app.ts'
import { freePort } from './fixtures/registry.ts'
import { ContainerPage } from './pages/container-page.ts'
import { ContainersPage } from './pages/containers-page.ts'
import { RunDialog } from './pages/run-dialog.ts'

const IMAGE = 'slipway/welcome'

test('the list follows what the docker CLI does, without a reload', async ({ window: page, docker }) => {
  const containers = new ContainersPage(page)
  await expect(page.getByText('No containers yet')).toBeVisible()
  await page.evaluate(() => {
    ;(window as { mark?: string }).mark = 'same page'
  })
  await docker('run', '-d', '--name', 'one', IMAGE)
  await expect(containers.row('one')).toContainText('Running')
  await docker('stop', '-t', '0', 'one')
  await expect(containers.row('one')).toContainText('Exited')
  await docker('rename', 'one', 'uno')
  await expect(containers.row('uno')).toBeVisible()
  await expect(containers.row('one')).toBeHidden()
  await docker('start', 'uno')
  await docker('pause', 'uno')
  await expect(containers.row('uno')).toContainText('Paused')
  await docker('rm', '-f', 'uno')
  await expect(page.getByText('No containers yet')).toBeVisible()
  expect(await page.evaluate(() => (window as { mark?: string }).mark)).toBe('same page')
})

test('pause, resume, rename, kill and start from a row', async ({ window: page, docker }) => {
  await docker('run', '-d', '--name', 'web', IMAGE)
  const containers = new ContainersPage(page)
  const state = () => docker('inspect', '-f', '{{.State.Status}}', '-s', containerId)
  const containerId = await docker('ps', '-aq', '--no-trunc')
  await containers.act('web', 'Pause')
  await expect(containers.row('web')).toContainText('Paused')
  expect(await state()).toBe('paused')
  await containers.act('web', 'Resume')
  await expect(containers.row('web')).toContainText('Running')
  await containers.act('web', 'Rename…')
  await page.getByRole('dialog').getByLabel('Name').fill('site')
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click()
  await expect(containers.row('site')).toBeVisible()
  expect(await docker('inspect', '-f', '{{.Name}}', containerId)).toBe('/site')
  await containers.act('site', 'Kill')
  await expect(containers.row('site')).toContainText('Exited (137)')
  await containers.row('site').getByRole('button', { name: 'Start', exact: true }).click()
  await expect(containers.row('site')).toContainText('Running')
})

test('keys: arrows, Space, Enter and Delete with undo', async ({ window: page, docker }) => {
  await docker('create', '--name', 'aa', IMAGE)
  await docker('create', '--name', 'bb', IMAGE)
  const containers = new ContainersPage(page)
  await expect(containers.row('bb')).toBeVisible()
  await containers.list.focus()
  await page.keyboard.press('Control+a')
  await expect(page.getByRole('toolbar', { name: 'Selected containers' })).toContainText('2 selected')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Home')
  await page.keyboard.press('Space')
  await expect(containers.row('aa')).toHaveAttribute('aria-selected', 'true')
  await page.keyboard.press('Delete')
  await expect(page.getByText('aa deleted')).toBeVisible()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.keyboard.press('Escape')
  await containers.list.focus()
  await page.keyboard.press('End')
  await page.keyboard.press('Enter')
  await expect(containers.app.heading('bb')).toBeVisible()
  expect(await docker('ps', '-aq').then((ids) => ids.split('\n').length)).toBe(2)
})

test('search, filter and several at once', async ({ window: page, docker }) => {
  await docker('run', '-d', '--name', 'web', IMAGE)
  await docker('create', '--name', 'web-spare', IMAGE)
  await docker('create', '--name', 'db', IMAGE)
  const containers = new ContainersPage(page)
  await expect(containers.row('db')).toBeVisible()
  await page.getByRole('searchbox', { name: 'Search containers' }).fill('web')
  await expect(containers.row('db')).toBeHidden()
  await expect.poll(() => containers.names()).toEqual(['web', 'web-spare'])
  await page
    .getByRole('group', { name: 'Show' })
    .getByRole('button', { name: /^Stopped/ })
    .click()
  await expect.poll(() => containers.names()).toEqual(['web-spare'])
  await page.getByRole('searchbox', { name: 'Search containers' }).fill('')
  await expect.poll(() => containers.names()).toEqual(['db', 'web-spare'])
  await containers.list.focus()
  await page.keyboard.press('Control+a')
  await page
    .getByRole('toolbar', { name: 'Selected containers' })
    .getByRole('button', { name: 'Start', exact: true })
    .click()
  await page.getByRole('group', { name: 'Show' }).getByRole('button', { name: /^All/ }).click()
  for (const name of ['db', 'web', 'web-spare']) await expect(containers.row(name)).toContainText('Running')
})

test('a compose project is one group with its own actions', async ({ window: page, docker }) => {
  const labels = (service: string) => [
    '--label',
    'com.docker.compose.project=shop',
    '--label',
    `com.docker.compose.service=${service}`,
  ]
  await docker('run', '-d', '--name', 'shop-web-1', ...labels('web'), IMAGE)
  await docker('run', '-d', '--name', 'shop-db-1', ...labels('db'), IMAGE)
  await expect(page.getByText('2 of 2 running')).toBeVisible()
  await page.getByRole('button', { name: 'Stop all of shop' }).click()
  await expect(page.getByText('0 of 2 running')).toBeVisible({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Show or hide shop' }).click()
  await expect(page.getByRole('grid', { name: 'Containers' }).getByRole('link')).toHaveCount(0)
  await page.getByRole('button', { name: 'Show or hide shop' }).click()
})

test('a failed start shows its cause: a missing program, a taken port with its holder', async ({
  window: page,
  docker,
  engine,
}) => {
  const containers = new ContainersPage(page)
  await test.step('a program that the image does not have', async () => {
    await engine.docker('run', '-d', '--name', 'nope', IMAGE, 'no-such-program')
    await expect(containers.row('nope')).toContainText('Failed to start')
    await expect(containers.row('nope')).toContainText('“no-such-program” is not in the image')
    await expect(containers.row('nope').locator('.dot-red')).toBeVisible()
    await containers.open('nope')
    const alert = page.getByRole('main').getByRole('alert')
    await expect(alert).toContainText('“no-such-program” is not in the image')
    await alert.getByText('“no-such-program”').click()
    await expect(alert.getByRole('code')).toContainText(/no-such-program.*(not found|no such file)/i)
  })
  await test.step('the dialog keeps the form and says what is wrong', async () => {
    await containers.app.goTo('Containers')
    const server = createServer((_request, response) => response.end('mine')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const dialog = new RunDialog(page)
    await dialog.open()
    await dialog.fill({ image: IMAGE, name: 'taken' })
    await dialog.port(port, 80)
    await expect(dialog.dialog).toContainText(
      new RegExp(
        `Port ${port} is taken by .*\\(?pid ${process.pid}|Port ${port} is taken by .*${process.pid}`,
      ),
    )
    await dialog.run()
    await expect(dialog.dialog.getByRole('alert')).toContainText(String(port))
    await expect(dialog.dialog.getByRole('alert')).toContainText(String(process.pid))
    expect(await docker('ps', '-aq', '--filter', 'name=taken')).toBe('')
    await dialog.dialog.getByRole('button', { name: /^Use \d+$/ }).click()
    const free = await dialog.dialog.getByRole('textbox', { name: 'This computer' }).inputValue()
    await dialog.run()
    await expect(containers.app.heading('taken')).toBeVisible()
    await expect.poll(() => statusOf(`http://127.0.0.1:${free}/`)).toBe(200)
    server.close()
  })
})

test('a container that took too much memory is red and says so; the list behind the bell has it', async ({
  window: page,
  docker,
  engine,
}) => {
  const containers = new ContainersPage(page)
  const notifications = page.getByRole('region', { name: 'Notifications' })
  // It is on screen for some seconds only, perhaps while docker still ends.
  const told = expect(notifications).toContainText('hungry exited with code 137', { timeout: 90_000 })
  await docker('run', '-d', '--name', 'hungry', '-m', '16m', IMAGE, 'tail', '/dev/zero')
  await told
  await expect(containers.row('hungry')).toContainText('Out of memory', { timeout: 60_000 })
  await expect(containers.row('hungry')).toContainText('Exited (137)')
  await expect(containers.row('hungry').locator('.dot-red')).toBeVisible()
  await page.getByRole('button', { name: /^Notices, 1 new/ }).click()
  const list = page.getByRole('dialog', { name: 'Notices' })
  await list.getByRole('link', { name: /^hungry exited/ }).click()
  await expect(containers.app.heading('hungry')).toBeVisible()
  await expect(page.getByRole('main').getByRole('alert')).toContainText('Out of memory')

  await test.step('muted, the list grows without a word', async () => {
    await page.getByRole('button', { name: 'Notices', exact: true }).click()
    await list.getByRole('button', { name: 'Mute', exact: true }).click()
    await expect
      .poll(async () => (await engine.slipway('config', 'get', 'notifications')).stdout.trim())
      .toBe('false')
    await page.keyboard.press('Escape')
    await engine.docker('run', '--name', 'brief', IMAGE, 'sh', '-c', 'exit 7')
    await page.getByRole('button', { name: /^Notices, 1 new/ }).click()
    await expect(list).toContainText('brief exited with code 7')
    await expect(notifications).not.toContainText('brief')
    await list.getByRole('button', { name: 'Unmute' }).click()
    await list.getByRole('button', { name: 'Clear' }).click()
    await expect(list).toContainText('Nothing has happened yet.')
  })
})

test('columns are chosen, and kept', async ({ window: page, docker, engine }) => {
  const id = await docker('run', '-d', '--name', 'web', IMAGE)
  const containers = new ContainersPage(page)
  const header = (name: string) => containers.list.getByRole('columnheader', { name, exact: true })
  await expect(header('CPU')).toBeVisible()
  await page.getByRole('button', { name: 'Columns' }).click()
  for (const name of ['CPU', 'Memory', 'ID', 'Command'])
    await page.getByRole('menuitemcheckbox', { name }).click()
  await page.keyboard.press('Escape')
  await expect(containers.row('web')).toContainText(id.slice(0, 12))
  await expect(containers.row('web')).toContainText('/bin/welcome')
  await expect(header('CPU')).toBeHidden()
  await page.reload()
  await expect(containers.row('web')).toContainText(id.slice(0, 12))
  await page.setViewportSize({ width: 720, height: 600 })
  await expect(header('ID')).toBeHidden()
  await expect(containers.row('web')).toContainText('Running')
  await page.setViewportSize({ width: 1280, height: 800 })
  await engine.slipway('config', 'set', 'containerColumns', 'state,ports,cpu,memory,created')
  await expect(header('CPU')).toBeVisible()
})

test('published ports change while the container runs', async ({ window: page, docker }) => {
  const [first, second] = [await freePort(), await freePort()]
  await docker('run', '-d', '--name', 'web', '-p', `127.0.0.1:${first}:80`, IMAGE)
  const started = await docker('inspect', '-f', '{{.State.StartedAt}}', 'web')
  const container = new ContainerPage(page)
  await new ContainersPage(page).open('web')
  await container.openTab('Ports')
  await expect(page.getByRole('listitem').filter({ hasText: 'This computer' })).toContainText(`:${first}`)
  await container.addPort(String(second), '80')
  await expect(page.getByRole('button', { name: `Remove port ${second}` })).toBeVisible()
  expect((await fetch(`http://127.0.0.1:${second}/`)).status).toBe(200)
  expect(await docker('port', 'web')).toContain(`127.0.0.1:${second}`)
  await page.getByRole('button', { name: `Remove port ${first}` }).click()
  await expect(page.getByRole('button', { name: `Remove port ${first}` })).toBeHidden()
  await expect(fetch(`http://127.0.0.1:${first}/`)).rejects.toThrow()
  expect((await fetch(`http://127.0.0.1:${second}/`)).status).toBe(200)
  expect(await docker('inspect', '-f', '{{.State.StartedAt}}', 'web')).toBe(started)

  await test.step('one that is taken is refused with its holder, and nothing changes', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await container.addPort(String(port), '80')
    await expect(page.getByRole('alert')).toContainText(String(port))
    await expect(page.getByRole('alert')).toContainText(String(process.pid))
    expect(await docker('port', 'web')).not.toContain(String(port))
    server.close()
  })
})

test('files: browse, edit, upload, drop, download, delete; then the changes', async ({
  window: page,
  session,
  docker,
}, info) => {
  await docker('run', '-d', '--name', 'web', IMAGE)
  const container = new ContainerPage(page)
  await new ContainersPage(page).open('web')
  await container.openTab('Files')
  const row = (name: string) => page.getByRole('row').filter({ has: page.getByText(name, { exact: true }) })
  await row('www').dblclick()
  await row('index.html').dblclick()
  const editor = page.getByRole('dialog', { name: '/www/index.html' })
  await expect(editor.getByRole('textbox')).toHaveValue(/<html/)
  await editor.getByRole('textbox').fill('<h1>edited here</h1>')
  await editor.getByRole('button', { name: 'Save' }).click()
  await expect(editor).toBeHidden()
  expect(await docker('exec', 'web', 'cat', '/www/index.html')).toBe('<h1>edited here</h1>')

  await mkdir(info.outputDir, { recursive: true })
  await writeFile(info.outputPath('upload.bin'), Buffer.alloc(300_000, 7))
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload' }).click()
  await (await chooser).setFiles(info.outputPath('upload.bin'))
  await expect(row('upload.bin')).toBeVisible()
  expect(await docker('exec', 'web', 'wc', '-c', '/www/upload.bin')).toMatch(/^300000 /)
  const download = page.waitForEvent('download')
  await row('upload.bin').click({ button: 'right' })
  await container.app.choose('Download')
  expect(await readFile(await (await download).path())).toEqual(Buffer.alloc(300_000, 7))
  await row('upload.bin').click({ button: 'right' })
  await container.app.choose('Delete')
  await expect(page.getByText('upload.bin deleted')).toBeVisible()
  await expect(row('upload.bin')).toBeHidden()

  await test.step('a file and a folder from the desktop', async () => {
    await mkdir(info.outputPath('photos/2026'), { recursive: true })
    await writeFile(info.outputPath('photos/2026/sea.txt'), 'the sea')
    await writeFile(info.outputPath('note.txt'), 'a note')
    const cdp = await session.newCDPSession(page)
    const files = [info.outputPath('photos'), info.outputPath('note.txt')]
    const drag = (type: 'dragEnter' | 'dragOver' | 'drop') =>
      cdp.send('Input.dispatchDragEvent', {
        type,
        x: 700,
        y: 500,
        data: { items: [], files, dragOperationsMask: 1 },
      })
    await drag('dragEnter')
    await drag('dragOver')
    await expect(page.locator('.files[data-dropping]')).toBeVisible()
    await drag('drop')
    await expect(row('note.txt')).toBeVisible()
    await expect(row('photos')).toBeVisible()
    expect(await docker('exec', 'web', 'cat', '/www/note.txt', '/www/photos/2026/sea.txt')).toBe(
      'a notethe sea',
    )
  })

  await container.openTab('Changes')
  const changed = page
    .getByRole('grid', { name: 'Changes' })
    .getByRole('row')
    .filter({ hasText: '/www/index.html' })
  await expect(changed).toContainText('Modified')
})

/** How many rows of pixels the memory chart's line reaches: few for a flat one. */
function rowsOfLine(canvas: SVGElement | HTMLElement): number {
  const probe = document.createElement('span')
  probe.style.color = 'var(--violet)'
  document.body.append(probe)
  const wanted = getComputedStyle(probe).color.match(/\d+/g)?.slice(0, 3).map(Number) ?? []
  probe.remove()
  const { width, height } = canvas as HTMLCanvasElement
  const data = (canvas as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data ?? []
  const found = new Set<number>()
  for (let at = 0; at < data.length; at += 4)
    if (wanted.every((part, index) => Math.abs(part - (data[at + index] ?? 0)) < 12))
      found.add(Math.floor(at / 4 / width))
  return found.size
}

test('stats, processes, environment and inspect tell what runs', async ({ window: page, docker }) => {
  await docker('run', '-d', '--name', 'web', '-e', 'COLOUR=blue', IMAGE)
  const container = new ContainerPage(page)
  const containers = new ContainersPage(page)
  await expect(containers.row('web').getByRole('img', { name: /^CPU/ })).toBeVisible()
  await containers.open('web')
  await test.step('stats', async () => {
    await container.openTab('Stats')
    const memory = page.getByRole('figure', { name: /^Memory, limit/ })
    await expect(memory).toHaveAccessibleName(/: \d{1,7}(\.\d+)? (kB|MB)$/)
    const before = (await memory.getAttribute('aria-label')) ?? ''
    expect(Number(/: ([\d.]+) MB$/.exec(before)?.[1] ?? 0)).toBeLessThan(30)
    await docker('exec', 'web', 'dd', 'if=/dev/zero', 'of=/dev/shm/held', 'bs=1M', 'count=40')
    await expect(memory).toHaveAccessibleName(/: [4-9]\d(\.\d+)? MB$/)
    for (const name of [/^CPU/, /^Memory/, /^Network/, /^Disk/])
      await expect(page.getByRole('figure', { name }).locator('canvas')).toBeVisible()
    // What was before is still drawn, after another tab too: the line goes from low to high in the picture.
    await container.openTab('Changes')
    await expect(memory).toBeHidden()
    await container.openTab('Stats')
    await expect.poll(() => memory.locator('canvas').evaluate(rowsOfLine)).toBeGreaterThan(20)
  })
  await test.step('processes', async () => {
    await container.openTab('Processes')
    await expect(page.getByRole('columnheader', { name: 'PID', exact: true })).toBeVisible()
    await expect(page.getByRole('cell', { name: /httpd/ }).first()).toBeVisible()
  })
  await test.step('environment', async () => {
    await container.openTab('Environment')
    await expect(page.getByRole('row', { name: 'COLOUR blue' })).toBeVisible()
    await page.getByRole('searchbox', { name: 'Search variables' }).fill('path')
    await expect(page.getByRole('row', { name: 'COLOUR blue' })).toBeHidden()
  })
  await test.step('inspect', async () => {
    await container.openTab('Inspect')
    const tree = page.getByRole('region', { name: 'Inspect' })
    const started = await docker('inspect', '-f', '{{.State.StartedAt}}', 'web')
    await expect(tree).toContainText('RestartCount')
    await page.getByRole('searchbox', { name: 'Search' }).fill('startedat')
    await expect(tree).toContainText(`StartedAt${started}`)
    await expect(tree.locator('mark')).toHaveText(['StartedAt'])
    await expect(tree).not.toContainText('RestartCount')
    await page.getByRole('searchbox', { name: 'Search' }).fill('COLOUR=blue')
    await expect(tree).toContainText(/State|Config/)
    await expect(tree.locator('mark')).toHaveText(['COLOUR=blue'])
    await page.getByRole('searchbox', { name: 'Search' }).fill('there is no such thing')
    await expect(tree).toContainText('Nothing')
  })
})

const CHATTY = `trap 'echo again' USR1
for i in $(seq 1 3000); do echo line $i; done
printf '\\033[35mcoloured\\033[0m text\\n'
echo WARN careful
echo ERROR the last
head -c 900 /dev/zero | tr '\\0' x
echo
while :; do sleep 0.2; done`

test('a log of many lines: searched, coloured, wrapped, timed, saved and cleared', async ({
  window: page,
  docker,
}) => {
  await docker('run', '-d', '--name', 'chatty', IMAGE, 'sh', '-c', CHATTY)
  const { log, ...container } = new ContainerPage(page)
  await new ContainersPage(page).open('chatty')
  const box = page.getByRole('searchbox', { name: 'Search log' })
  const line = (text: string) => container.page.locator('.log-line').filter({ hasText: text })
  const long = line('xxxx')
  await expect(long).toBeVisible()

  await test.step('level colours and those of the program', async () => {
    const color = (text: string) =>
      line(text)
        .locator('.log-text')
        .evaluate((element) => getComputedStyle(element).color)
    const plain = await color('line 3000')
    expect(new Set([plain, await color('WARN careful'), await color('ERROR the last')]).size).toBe(3)
    await expect(line('coloured text').getByText('coloured', { exact: true })).not.toHaveCSS('color', plain)
  })
  await test.step('long lines wrap, or scroll sideways', async () => {
    const height = async () => (await long.boundingBox())?.height
    const sideways = () => log.evaluate((element) => element.scrollWidth > element.clientWidth)
    expect(await height()).toBeGreaterThan(5 * 19)
    expect(await sideways()).toBe(false)
    await page.getByRole('button', { name: 'Wrap lines' }).click()
    await expect.poll(height).toBe(19)
    expect(await sideways()).toBe(true)
    await page.getByRole('button', { name: 'Wrap lines' }).click()
    await expect.poll(sideways).toBe(false)
  })
  await test.step('the time of day', async () => {
    await expect(page.locator('.log-time')).toHaveCount(0)
    await page.getByRole('button', { name: 'Timestamps' }).click()
    const [written = ''] = (await docker('logs', '-t', '--tail', '1', 'chatty')).split(' ')
    await expect(long.locator('.log-time')).toHaveAttribute('title', written)
    const local = await page.evaluate(
      (time) =>
        new Date(time).toLocaleTimeString('en-GB', {
          hour: '2-digit',
          minute: '2-digit',
          second: '2-digit',
          fractionalSecondDigits: 3,
        }),
      written,
    )
    await expect(long.locator('.log-time')).toHaveText(local)
  })
  await test.step('search: the count, the next one, an expression, a wrong one', async () => {
    await box.fill('line 12')
    await expect(page.getByText('1 of 111')).toBeVisible()
    await box.press('Enter')
    await expect(page.getByText('2 of 111')).toBeVisible()
    await expect(page.locator('.log-current mark')).toHaveText('line 12')
    await page.getByRole('button', { name: 'Regular expression' }).click()
    await box.fill('^line (2')
    await expect(page.getByText('Invalid expression')).toBeVisible()
    await expect(log.locator('mark')).toHaveCount(0)
    await box.fill('^line 2\\d$')
    await expect(page.getByText('1 of 10')).toBeVisible()
    await expect(page.getByText('Invalid expression')).toBeHidden()
    await box.fill('')
  })
  await test.step('saved whole, with times and without colours', async () => {
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Save as file' }).click()
    const saved = (await readFile(await (await download).path(), 'utf8')).split('\n')
    expect(saved).toHaveLength(3005)
    expect(saved[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z line 1$/)
    expect(saved[3000]).toMatch(/Z coloured text$/)
  })
  await test.step('cleared; what comes after is shown', async () => {
    await page.getByRole('button', { name: 'Clear', exact: true }).click()
    await expect(log).not.toContainText('line')
    await docker('kill', '-s', 'USR1', 'chatty')
    await expect(log).toContainText('again')
    await expect(page.locator('.log-line')).toHaveCount(1)
  })
})

test('editing recreates with everything kept, and rolls back when the new one fails', async ({
  window: page,
  docker,
}) => {
  await docker('run', '-d', '--name', 'web', '-e', 'COLOUR=blue', '-v', 'kept:/data', IMAGE)
  await docker('exec', 'web', 'sh', '-c', 'echo precious > /data/file')
  const containers = new ContainersPage(page)
  const dialog = page.getByRole('dialog', { name: 'Edit web' })
  await containers.act('web', 'Edit…')
  await dialog.getByRole('textbox', { name: 'Value' }).fill('red')
  await dialog.getByRole('button', { name: 'Recreate' }).click()
  await expect(page.getByText('web recreated')).toBeVisible({ timeout: 60_000 })
  expect(await docker('exec', 'web', 'sh', '-c', 'echo $COLOUR; cat /data/file')).toBe('red\nprecious')
  const id = await docker('inspect', '-f', '{{.Id}}', 'web')
  await containers.app.goTo('Containers')
  await containers.act('web', 'Edit…')
  await dialog.getByLabel('Command').fill('no-such-program')
  await dialog.getByRole('button', { name: 'Recreate' }).click()
  await expect(dialog.getByRole('alert')).toContainText('no-such-program', { timeout: 60_000 })
  expect(await docker('inspect', '-f', '{{.Id}} {{.State.Running}}', 'web')).toBe(`${id} true`)
  await docker('rm', '-f', 'web')
  await docker('volume', 'rm', 'kept')
})
