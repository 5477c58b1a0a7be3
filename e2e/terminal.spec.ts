import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from './app.ts'
import { unpackPackages } from './fixtures/debian.ts'
import { layerTar } from './fixtures/oci.ts'
import { ContainerPage } from './pages/container-page.ts'
import { ContainersPage } from './pages/containers-page.ts'

test.beforeEach(async ({ docker, window: page }) => {
  await docker('run', '-d', '--name', 'box', 'slipway/welcome', 'sleep', '9999')
  await new ContainersPage(page).open('box')
  await new ContainerPage(page).openTab('Terminal')
})

test('yes without end: the window answers, Ctrl+C acts, memory stays', async ({ window: page, session }) => {
  const { terminal, app } = new ContainerPage(page)
  const cdp = await session.newCDPSession(page)
  const heap = async () => {
    await cdp.send('HeapProfiler.collectGarbage')
    const { usedSize } = await cdp.send('Runtime.getHeapUsage')
    return Math.round(usedSize / 2 ** 20)
  }
  await terminal.enter('echo ready')
  await expect.poll(() => terminal.text()).toContain('\nready')
  const before = await heap()
  await terminal.enter('yes')
  const gaps = await page.evaluate(async () => {
    const longest: number[] = []
    const end = performance.now() + 10_000
    let last = performance.now()
    while (last < end) {
      await new Promise(requestAnimationFrame)
      const now = performance.now()
      longest.push(now - last)
      last = now
    }
    return longest.sort((a, b) => b - a)
  })
  // Ctrl+K belongs to the program while the terminal has the focus.
  await app.sidebar.getByRole('button', { name: 'Search' }).click()
  await page.getByPlaceholder('Type a command or search…').fill('go to')
  await expect(page.getByRole('option', { name: 'Go to Images' })).toBeVisible()
  await page.keyboard.press('Escape')
  const pressed = Date.now()
  await terminal.press('Control+c')
  await terminal.prompt()
  const acted = Date.now() - pressed
  const after = await heap()
  await terminal.enter('echo alive $((1 + 1))')
  await expect.poll(() => terminal.text()).toContain('\nalive 2')
  console.log(
    `yes for 10 s: ${gaps.length} frames, longest ${gaps[0]?.toFixed(0)} ms, median ${gaps[gaps.length >> 1]?.toFixed(0)} ms; ` +
      `Ctrl+C seen after ${acted} ms; page heap ${before} → ${after} MiB`,
  )
  // A frame in half a second is what a busy machine without a graphics card manages.
  expect(gaps.length).toBeGreaterThan(20)
  expect(after - before).toBeLessThan(60)
})

test('terminals keep their scrollback across pages; several per container', async ({ window: page }) => {
  const { terminal, app } = new ContainerPage(page)
  await terminal.enter('echo first $((20 + 3))')
  await expect.poll(() => terminal.text()).toContain('\nfirst 23')
  await page.getByRole('button', { name: 'New shell' }).click()
  await expect(terminal.shells).toHaveCount(2)
  await terminal.enter('echo second $((40 + 6))')
  await expect.poll(() => terminal.text()).toContain('\nsecond 46')
  expect(await terminal.text()).not.toContain('first 23')
  await app.goTo('Images')
  await app.goTo('Containers')
  await new ContainersPage(page).open('box')
  await new ContainerPage(page).openTab('Terminal')
  await expect(terminal.shells).toHaveCount(2)
  expect(await terminal.text()).toContain('second 46')
  await terminal.shells.first().click()
  await expect.poll(() => terminal.text()).toContain('first 23')
  await terminal.enter('exit 3')
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible()
  await page.getByRole('button', { name: 'Close sh' }).first().click()
  await expect(terminal.shells).toHaveCount(1)
})

test('what is on the screen is searched, copied, pasted and followed', async ({ window: page, session }) => {
  const { terminal, app } = new ContainerPage(page)
  await session.grantPermissions(['clipboard-read', 'clipboard-write'])
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText())
  await terminal.enter('for i in $(seq 1 200); do echo "row $i of many"; done')
  await expect.poll(() => terminal.text()).toContain('row 200 of many')
  await test.step('search: as it is typed, the one before, from a key', async () => {
    await terminal.press('Control+Shift+f')
    const find = page.getByRole('textbox', { name: 'Find' })
    await find.pressSequentially('row 1')
    await expect(page.getByText('1 of 111')).toBeVisible()
    await find.press('Enter')
    await expect(page.getByText('2 of 111')).toBeVisible()
    expect(await terminal.text()).not.toContain('row 77 of many')
    await find.fill('row 77')
    await expect(page.getByText('1 of 1', { exact: true })).toBeVisible()
    await expect.poll(() => terminal.text()).toContain('row 77 of many')
    await find.fill('row 777')
    await expect(page.getByText('No match')).toBeVisible()
    await find.press('Escape')
    await expect(find).toBeHidden()
    await expect(terminal.panel.getByRole('textbox')).toBeFocused()
    // Typing goes back to the end.
    await page.keyboard.press('Enter')
  })
  await test.step('a link goes through the opener, and nowhere else', async () => {
    await terminal.enter('clear; echo "see https://example.com/a?b=1 and copyable"')
    const asked = page.waitForRequest('**/api/call/app.openExternal')
    await page.route('**/api/call/app.openExternal', (route) => route.fulfill({ json: { ok: true } }))
    await expect.poll(() => terminal.text()).toMatch(/^see https/m)
    const { x, y } = await terminal.find('https://example.com', 'see ')
    await page.mouse.move(x, y)
    await expect(terminal.panel.locator('.xterm-cursor-pointer')).toBeVisible()
    await page.mouse.click(x, y)
    expect((await asked).postDataJSON()).toEqual(['https://example.com/a?b=1'])
    expect(session.pages()).toContain(page)
    expect(page.url()).toContain('/terminal')
    await page.unroute('**/api/call/app.openExternal')
  })
  await test.step('copied by keys and by the menu, pasted by both', async () => {
    const { x, y } = await terminal.find('copyable', 'and ')
    await page.mouse.dblclick(x, y)
    await page.keyboard.press('Control+Shift+c')
    await expect.poll(clipboard).toBe('copyable')
    await page.keyboard.type('echo 1:')
    await page.keyboard.press('Control+Shift+v')
    await page.keyboard.type('; echo 2:')
    await terminal.panel.click({ button: 'right' })
    await app.choose('Paste')
    await expect.poll(() => terminal.text()).toContain('2:copyable')
    await terminal.press('Enter')
    await expect.poll(() => terminal.text()).toMatch(/^1:copyable\n2:copyable$/m)
  })
})

test('a shell as a chosen user, a command, and the debug shell where the image has none', async ({
  window: page,
  engine,
  docker,
}, info) => {
  const { terminal, app } = new ContainerPage(page)
  const dialog = page.getByRole('dialog', { name: 'Run a command in a terminal' })
  const choose = async (entry: string) => {
    await page.getByRole('button', { name: 'New terminal…' }).click()
    await app.choose(entry)
  }
  await choose('Command…')
  await dialog.getByLabel('User').fill('1234:55')
  await page.keyboard.press('Enter')
  await terminal.enter('echo $(id -u):$(id -g)')
  await expect.poll(() => terminal.text()).toContain('\n1234:55')
  await choose('Command…')
  await dialog.getByLabel('Command').fill("sh -c 'echo from a command; sleep 1'")
  await page.keyboard.press('Enter')
  await expect.poll(() => terminal.text()).toContain('from a command')
  await expect.poll(() => terminal.text()).toContain('[ended]')

  await test.step('an image that is one program', async () => {
    const busybox = join(await unpackPackages('busybox-static'), 'bin/busybox')
    const layer = await layerTar([{ name: 'sleep', mode: 0o755, data: await readFile(busybox) }])
    await mkdir(info.outputDir, { recursive: true })
    await writeFile(info.outputPath('bare.tar'), layer)
    await docker('import', '-c', 'CMD ["/sleep", "9999"]', info.outputPath('bare.tar'), 'bare')
    await docker('run', '-d', '--name', 'bare', 'bare')
    await app.goTo('Containers')
    await new ContainersPage(page).open('bare')
    await new ContainerPage(page).openTab('Terminal')
    await expect.poll(() => terminal.text()).toMatch(/not found|no such file/i)
    await page.getByRole('button', { name: 'Debug shell' }).click()
    // Only its own processes, by the numbers that they have inside, and its files.
    await terminal.enter('ps | grep 9999; ls; echo looked')
    await expect
      .poll(() => terminal.text())
      .toMatch(/\n +1 root +\/sleep 9999\n(?! +\d+ root +sleep)(.*\n)*(.* )?sleep( .*)?\nlooked/)
    await docker('rm', '-f', 'bare')
    await engine.docker('rmi', 'bare')
  })
})

test('WebGL draws where a graphics card is; when it is lost the page goes on by itself', async ({
  window: page,
}) => {
  const { terminal } = new ContainerPage(page)
  await terminal.prompt()
  // Chromium has WebGL here, computed by the processor, which the terminal takes for none.
  await page.evaluate(() => {
    const { prototype } = WebGL2RenderingContext
    const real = prototype.getParameter
    const UNMASKED_RENDERER = 0x9246
    prototype.getParameter = function (this: WebGL2RenderingContext, name: number) {
      return name === UNMASKED_RENDERER ? 'a graphics card' : real.call(this, name)
    }
  })
  await page.getByRole('button', { name: 'New shell' }).click()
  const screen = terminal.panel.locator('.xterm-screen')
  await expect(screen.locator('canvas').first()).toBeVisible()
  await expect(screen.locator('.xterm-rows')).toHaveCount(0)
  await screen.evaluate((element) => {
    for (const canvas of element.querySelectorAll('canvas'))
      canvas.getContext('webgl2')?.getExtension('WEBGL_lose_context')?.loseContext()
  })
  await expect(screen.locator('.xterm-rows')).toBeVisible()
  await terminal.enter('echo after $((40 + 4))')
  await expect.poll(() => terminal.text()).toContain('\nafter 44')
})

test('attach shows the main process; detaching by button or by keys leaves it running', async ({
  window: page,
  docker,
}) => {
  await docker('run', '-dit', '--name', 'talker', 'slipway/welcome', 'sh')
  const { terminal, app } = new ContainerPage(page)
  await app.goTo('Containers')
  await new ContainersPage(page).open('talker')
  await new ContainerPage(page).openTab('Terminal')
  await terminal.press('Enter')
  await terminal.enter('marker=$((6 * 7)); echo main $marker')
  await expect.poll(() => terminal.text()).toContain('\nmain 42')
  await page.getByRole('button', { name: 'Detach, leaving it running' }).click()
  expect(await docker('inspect', '-f', '{{.State.Running}}', 'talker')).toBe('true')
  await expect(page.getByText('No terminal is open')).toBeVisible()
  await page.reload()
  await terminal.press('Enter')
  await terminal.enter('echo still $marker')
  await expect.poll(() => terminal.text()).toContain('\nstill 42')
  await terminal.press('Control+p')
  await terminal.press('Control+q')
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible()
  expect(await docker('inspect', '-f', '{{.State.Running}}', 'talker')).toBe('true')
})
