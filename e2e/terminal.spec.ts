import { expect, test } from './app.ts'
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
  expect(gaps.length).toBeGreaterThan(50)
  expect(after - before).toBeLessThan(60)
})

test('terminals keep their scrollback across pages; several per container; search', async ({
  window: page,
}) => {
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

test('a debug shell enters the namespaces with tools of the VM; a command runs in a terminal', async ({
  window: page,
}) => {
  const { terminal, app } = new ContainerPage(page)
  await page.getByRole('button', { name: 'New terminal…' }).click()
  await app.choose('Debug shell')
  await terminal.enter('echo debug $((2 * 21)) $(hostname)')
  await expect.poll(() => terminal.text()).toMatch(/\ndebug 42 [0-9a-f]{12}/)
  await page.getByRole('button', { name: 'New terminal…' }).click()
  await app.choose('Command…')
  await page.getByRole('dialog').getByLabel('Command').fill("sh -c 'echo from a command; sleep 1'")
  await page.getByRole('dialog').getByRole('button', { name: 'Open' }).click()
  await expect.poll(() => terminal.text()).toContain('from a command')
  await expect.poll(() => terminal.text()).toContain('[ended]')
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
