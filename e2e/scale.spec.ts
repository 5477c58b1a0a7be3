import type { Page } from 'playwright/test'
import { expect, test } from './app.ts'
import { ContainerPage } from './pages/container-page.ts'
import { ContainersPage } from './pages/containers-page.ts'

/** Longest frames while something goes on, in milliseconds. */
async function frames(
  page: Page,
  work: () => Promise<unknown>,
): Promise<{ longest: number; over: number; all: number }> {
  await page.evaluate(() => {
    const seen: number[] = []
    let last = performance.now()
    const next = (): void => {
      const now = performance.now()
      seen.push(now - last)
      last = now
      if ((globalThis as unknown as { frames?: number[] }).frames === seen) requestAnimationFrame(next)
    }
    Object.assign(globalThis, { frames: seen })
    requestAnimationFrame(next)
  })
  await work()
  return await page.evaluate(() => {
    const { frames: seen = [] } = globalThis as unknown as { frames?: number[] }
    Object.assign(globalThis, { frames: undefined })
    return {
      longest: Math.round(Math.max(...seen)),
      over: seen.filter((gap) => gap > 50).length,
      all: seen.length,
    }
  })
}

/** Milliseconds from an input to the second frame after it, when its answer is on screen. */
async function answered(
  page: Page,
  kind: 'keydown' | 'click',
  input: () => Promise<unknown>,
): Promise<number> {
  await page.evaluate((type) => {
    Object.assign(globalThis, { answer: undefined })
    addEventListener(
      type,
      () => {
        const from = performance.now()
        requestAnimationFrame(() =>
          requestAnimationFrame(() => Object.assign(globalThis, { answer: performance.now() - from })),
        )
      },
      { once: true, capture: true },
    )
  }, kind)
  await input()
  const handle = await page.waitForFunction(() => (globalThis as unknown as { answer?: number }).answer)
  return Math.round((await handle.jsonValue()) ?? 0)
}

test('500 containers: sorting, searching, scrolling', async ({ window: page, docker }) => {
  await docker('create', '--name', 'template', 'slipway/welcome')
  await page.route('**/api/call/containers.list', async (route) => {
    const answer = await route.fetch()
    const { ok, value } = await answer.json()
    const [one] = value
    const many = Array.from({ length: 500 }, (_, index) => ({
      ...one,
      Id: index.toString(16).padStart(64, '0'),
      Names: [`/row-${String((index * 137) % 500).padStart(3, '0')}`],
      State: index % 3 ? 'exited' : 'running',
      Status: index % 3 ? 'Exited (0) 2 minutes ago' : 'Up 2 minutes',
      Created: one.Created - index,
      Labels: index % 5 ? {} : { 'com.docker.compose.project': `project-${index % 7}` },
    }))
    await route.fulfill({ json: { ok, value: many } })
  })
  await page.reload()
  const containers = new ContainersPage(page)
  await expect(containers.list).toHaveAttribute('aria-rowcount', '508')
  expect(await containers.list.getByRole('row').count()).toBeLessThan(60)

  const sort = await answered(page, 'click', () =>
    containers.list.getByRole('button', { name: 'Created' }).click(),
  )
  const box = page.getByRole('searchbox', { name: 'Search containers' })
  await box.focus()
  const keys: number[] = []
  for (const letter of 'row-04') keys.push(await answered(page, 'keydown', () => page.keyboard.press(letter)))
  await expect(containers.list).toHaveAttribute('aria-rowcount', /^1[1-8]$/)
  await box.fill('')
  await expect(containers.list).toHaveAttribute('aria-rowcount', '508')
  await containers.list.hover()
  const scroll = await frames(page, async () => {
    for (let turn = 0; turn < 20; turn++) await page.mouse.wheel(0, 900)
  })
  await containers.list.focus()
  await page.keyboard.press('End')
  await expect(containers.list.locator('[aria-rowindex="508"]')).toBeVisible()
  console.log(
    `500 containers: sort ${sort} ms, search ${keys.join(' ')} ms per key, ` +
      `scrolling ${scroll.all} frames, longest ${scroll.longest} ms, ${scroll.over} over 50 ms`,
  )
  await page.unroute('**/api/call/containers.list')
})

/** Counts what the streams of a page that is loaded from now on bring. */
function countMessages(page: Page): () => number {
  let count = 0
  page.on('websocket', (socket) => socket.on('framereceived', () => count++))
  return () => count
}

/** Counts how often the log is drawn anew: its height changes with every line. */
async function countDrawings(page: Page): Promise<void> {
  await page.locator('.log-sizer').evaluate((sizer) => {
    const counted = { drawings: 0, from: performance.now() }
    Object.assign(globalThis, { counted })
    new MutationObserver(() => counted.drawings++).observe(sizer, { attributeFilter: ['style'] })
  })
}

async function drawn(page: Page): Promise<{ drawings: number; seconds: number }> {
  return await page.evaluate(() => {
    const { counted } = globalThis as unknown as { counted: { drawings: number; from: number } }
    return { drawings: counted.drawings, seconds: (performance.now() - counted.from) / 1000 }
  })
}

test('50,000 log lines: arriving, scrolling back, searching', async ({ window: page, docker }) => {
  const awk =
    '{ print ($1 % 50 ? "INFO" : "ERROR"), "request", $1, "GET /api/orders?page=" $1 % 900, "took", $1 % 97, "ms" }'
  await docker(
    'create',
    '--name',
    'loud',
    'slipway/welcome',
    'sh',
    '-c',
    `seq 1 50000 | awk '${awk}'; sleep 9999`,
  )
  await new ContainersPage(page).open('loud')
  const { log } = new ContainerPage(page)
  await expect(log).toBeVisible()
  const messages = countMessages(page)
  await page.reload()
  await expect(log).toBeVisible()
  await countDrawings(page)
  const flood = await frames(page, async () => {
    await docker('start', 'loud')
    await expect(log).toContainText('request 50000', { timeout: 90_000 })
  })
  const { drawings, seconds } = await drawn(page)
  // Each message and each drawing costs, whatever is in it: neither may follow the number of lines.
  expect(messages()).toBeLessThan(10_000)
  expect(drawings).toBeLessThan(12 * seconds + 10)
  expect(await page.locator('.log-line').count()).toBeLessThan(150)
  await log.hover()
  const scroll = await frames(page, async () => {
    for (let turn = 0; turn < 20; turn++) await page.mouse.wheel(0, -2000)
  })
  await expect(page.getByRole('button', { name: 'Latest' })).toBeVisible()
  await page.getByRole('searchbox', { name: 'Search log' }).focus()
  const keys: number[] = []
  const search = await frames(page, async () => {
    for (const letter of 'page=77')
      keys.push(await answered(page, 'keydown', () => page.keyboard.press(letter)))
    await expect(page.getByText('1 of 606')).toBeVisible()
  })
  await page.keyboard.press('Enter')
  await expect(page.getByText('2 of 606')).toBeVisible()
  await expect(log.locator('.log-current')).toBeVisible()
  console.log(
    `50,000 lines: arriving ${flood.all} frames, longest ${flood.longest} ms, ${flood.over} over 50 ms, ` +
      `${drawings} drawings in ${seconds.toFixed(1)} s, ${messages()} messages; ` +
      `scrolling longest ${scroll.longest} ms; search ${keys.join(' ')} ms per key, longest frame ${search.longest} ms`,
  )
})
