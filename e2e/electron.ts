import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { _electron, test as base, type ElectronApplication, type Page } from 'playwright/test'
import { withObituary } from './fixtures/death.ts'
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
export function command(
  home: Slipway,
  screen: Display,
  ...more: string[]
): { args: string[]; env: Record<string, string> } {
  const env = Object.fromEntries(
    Object.entries({
      ...process.env,
      ...home.env,
      DISPLAY: screen.name,
      XDG_CONFIG_HOME: join(home.home, 'config'),
    }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  return { args: ['.', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--lang=en-US', ...more], env }
}

export async function launch(home: Slipway, screen: Display): Promise<Desktop> {
  return await opened(await start(home, screen))
}

/** Starts the app without waiting for a window. */
export async function start(home: Slipway, screen: Display, ...args: string[]): Promise<ElectronApplication> {
  const executablePath = electronBinary()
  if (!executablePath) throw new Error('no Electron here')
  return await _electron.launch({ executablePath, ...command(home, screen, ...args), timeout: 60_000 })
}

/** The app once its window is there. */
export async function opened(app: ElectronApplication): Promise<Desktop> {
  const window = await app.firstWindow()
  await window.getByRole('navigation', { name: 'Main' }).waitFor()
  return { app, window, close: () => app.close() }
}

export const test = base.extend<{ window: Page; app: ElectronApplication; obituary: undefined }, Shared>({
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
  obituary: [
    async ({ home }, use, info) => await withObituary(home, info, () => use(undefined)),
    { auto: true },
  ],
  window: async ({ desktop }, use) => await use(desktop.current.window),
  app: async ({ desktop }, use) => await use(desktop.current.app),
})

export const { expect } = test
