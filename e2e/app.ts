import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type BrowserContext, test as base, type Page } from 'playwright/test'
import { withObituary } from './fixtures/death.ts'
import { type Registry, startSeededRegistry } from './fixtures/registry.ts'
import { makeSlipway, type Slipway, startSlipway } from './fixtures/slipway.ts'

/** The host process with its UI on loopback, as `npm start` runs it where there is no Electron. */
export interface Served {
  /** With the one-time token. */
  url: string
  stop(): Promise<void>
}

/** Starts `app/serve` for a home and waits until it prints its address. */
export async function serve(slipway: Slipway, ...args: string[]): Promise<Served> {
  const child = spawn(process.execPath, ['dist/app/serve.js', '--no-open', ...args], {
    env: { ...process.env, ...slipway.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  for await (const line of createInterface(child.stdout)) {
    const url = /https?:\/\/\S+/.exec(line)?.[0]
    if (url) {
      child.stdout.resume()
      return { url, stop }
    }
  }
  throw new Error(`app/serve ended without an address (exit code ${child.exitCode})`)
}

interface Shared {
  registry: Registry
  slipway: Slipway
  served: Served
  /** One browser context for the whole run: the token in the address works once. */
  session: BrowserContext
  /** The same home with its engine running. */
  engine: Slipway
}

interface Each {
  /** A fresh page of the window; what breaks in it fails the test. */
  window: Page
  /** `docker ARGS` that must succeed: what it printed. All containers are removed after the test. */
  docker(...args: string[]): Promise<string>
  /** A failed test whose machine died says so, with the cause. */
  obituary: undefined
}

export const test = base.extend<Each, Shared>({
  registry: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern
    async ({}, use) => {
      const registry = await startSeededRegistry()
      await use(registry)
      await registry[Symbol.asyncDispose]()
    },
    { scope: 'worker', timeout: 300_000 },
  ],
  slipway: [
    async ({ registry }, use) => {
      const slipway = await makeSlipway({ registry, settings: { language: 'en', startEngineOnOpen: false } })
      await use(slipway)
      await slipway[Symbol.asyncDispose]()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  served: [
    async ({ slipway }, use) => {
      const served = await serve(slipway)
      await use(served)
      await slipway.slipway('stop')
      await served.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  session: [
    async ({ browser, served }, use) => {
      const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 800 } })
      const page = await context.newPage()
      await page.goto(served.url)
      await page.close()
      await use(context)
      await context.close()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  engine: [
    async ({ slipway, served: _owner }, use) => {
      await startSlipway(slipway)
      await use(slipway)
    },
    { scope: 'worker', timeout: 300_000 },
  ],
  obituary: [
    async ({ slipway }, use, info) => await withObituary(slipway, info, () => use(undefined)),
    { auto: true },
  ],
  window: async ({ session, served }, use) => {
    const page = await session.newPage()
    const broken: string[] = []
    page.on('pageerror', (error) => broken.push(error.stack ?? error.message))
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) broken.push(message.text())
    })
    await page.goto(new URL('/', served.url).href)
    await use(page)
    await page.close()
    expect(broken).toEqual([])
  },
  docker: async ({ engine }, use, info) => {
    const docker = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await engine.docker(...args)
      if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`)
      return stdout.trim()
    }
    await use(docker)
    // A test that failed may have left no engine behind; the obituary tells.
    const { code, stdout } = await engine.docker('ps', '-aq')
    const left = stdout.split('\n').filter(Boolean)
    if (left.length > 0) await docker('rm', '-f', '-v', ...left)
    if (info.status === info.expectedStatus || code !== 0) return
    await docker('volume', 'prune', '-af')
    await docker('network', 'prune', '-f')
  },
})

export const { expect } = test

/** What a page of a container answers; undefined while its program does not listen yet, or says nothing. */
export async function statusOf(url: string): Promise<number | undefined> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined)
  await answer?.body?.cancel()
  return answer?.status
}
