import { defineConfig } from 'playwright/test'

/**
 * One worker; one machine per project (e2e/app.ts): a project's specs share it, and it is gone before the next begins.
 * Debian's Chromium, no browser download.
 */
export default defineConfig({
  testDir: '.',
  workers: 1,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  outputDir: '../test-results',
  retries: process.env['CI'] ? 2 : 0,
  projects: [
    { name: 'first start', testMatch: 'first-start.spec.ts' },
    { name: 'window', testIgnore: ['first-start.spec.ts', 'electron.spec.ts'], testMatch: '*.spec.ts' },
    { name: 'electron', testMatch: 'electron.spec.ts' },
  ],
  use: {
    browserName: 'chromium',
    launchOptions: {
      executablePath: process.env['SLIPWAY_TEST_CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
    locale: 'en-US',
    viewport: { width: 1280, height: 800 },
    actionTimeout: 30_000,
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
})
