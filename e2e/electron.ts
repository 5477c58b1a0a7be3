import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { _electron, test as base, type ElectronApplication, type Page } from 'playwright/test'
import { type Display, display } from './fixtures/display.ts'
import { makeSlipway, type Slipway } from './fixtures/slipway.ts'

/** Path of an Electron that is here already; undefined when there is none. Nothing is downloaded. */
export function electronBinary(): string | undefined {
  const name = process.platform === 'win32' ? 'electron.exe' : 'electron'
  const override = process.env['ELECTRON_OVERRIDE_DIST_PATH']
  if (override) return join(override, name)
  const folder = join('node_modules', 'electron')
  const pathFile = join(folder, 'path.txt')
  return existsSync(pathFile) ? join(folder, 'dist', readFileSync(pathFile, 'utf8')) : undefined
}

export interface Desktop {
  app: ElectronApplication
  window: Page
  close(): Promise<void>
}

interface Shared {
  home: Slipway
  virtual: Display
  /** One app for all tests; a test that restarts it puts the new one in. */
  desktop: { current: Desktop }
}

/** What starts the app as a user does. */
export function command(home: Slipway, screen: Display): { args: string[]; env: Record<string, string> } {
  const env = Object.fromEntries(
    Object.entries({ ...process.env, ...home.env, DISPLAY: screen.name }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  )
  return { args: ['.', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--lang=en-US'], env }
}

export async function launch(home: Slipway, screen: Display): Promise<Desktop> {
  const executablePath = electronBinary()
  if (!executablePath) throw new Error('no Electron here')
  const app = await _electron.launch({ executablePath, ...command(home, screen), timeout: 60_000 })
  const window = await app.firstWindow()
  await window.getByRole('navigation', { name: 'Main' }).waitFor()
  return { app, window, close: () => app.close() }
}

export const test = base.extend<{ window: Page; app: ElectronApplication }, Shared>({
  home: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern
    async ({}, use) => {
      const slipway = await makeSlipway({ settings: { language: 'en', startEngineOnOpen: false } })
      await use(slipway)
      await slipway[Symbol.asyncDispose]()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  virtual: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern
    async ({}, use) => {
      await using screen = await display()
      await use(screen)
    },
    { scope: 'worker' },
  ],
  desktop: [
    async ({ home, virtual }, use) => {
      const desktop = { current: await launch(home, virtual) }
      await use(desktop)
      await desktop.current.close()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  window: async ({ desktop }, use) => await use(desktop.current.window),
  app: async ({ desktop }, use) => await use(desktop.current.app),
})

export const { expect } = test
