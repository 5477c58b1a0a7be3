import { defineConfig } from 'vitest/config'

/**
 * `unit`: beside the source, no root, no network, no VM. `integration`: e2e/integration, one real VM and registry for
 * the whole run (e2e/integration/setup.ts). `machine`: app/machine against the real QEMU and system image, a VM of its
 * own per test. `root`: the engine's image service against a real overlayfs and registry on the host; needs root and
 * the image's Node (`e2e/run.ts` starts it with that one). `extended`: like integration, but large or long under
 * emulation; only when asked for (`npm test -- --only extended`).
 */
const EXTENDED = ['large', 'nested', 'scale'].map((name) => `e2e/integration/${name}.test.ts`)

/** How long to look again: it is spent only by a test that fails, and a busy machine takes its time. */
const PATIENT = { timeout: 30_000, interval: 20 }

/** A public runner shares its processor with others: there a failure is tried once more, and says so. */
const retry = process.env['CI'] ? 1 : 0

const sharedMachine = {
  globalSetup: 'e2e/integration/setup.ts',
  setupFiles: 'e2e/integration/clean.ts',
  fileParallelism: false,
  testTimeout: 240_000,
  expect: { poll: PATIENT },
  hookTimeout: 300_000,
  retry,
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{app,vm,renderer,e2e}/**/*.test.{ts,tsx}'],
          exclude: [
            'e2e/integration/**',
            '**/*.root.test.ts',
            '**/*.vm.test.ts',
            'node_modules/**',
            'dist/**',
          ],
          testTimeout: 60_000,
          expect: { poll: PATIENT },
        },
      },
      {
        test: {
          name: 'machine',
          include: ['app/**/*.vm.test.ts'],
          env: { SLIPWAY_VM_TESTS: '1' },
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          expect: { poll: PATIENT },
          retry,
        },
      },
      {
        test: {
          name: 'root',
          include: ['vm/agent/images/*.root.test.ts'],
          execArgv: ['--experimental-ffi', '--disable-warning=ExperimentalWarning'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          retry,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['e2e/integration/*.test.ts'],
          exclude: EXTENDED,
          ...sharedMachine,
        },
      },
      { test: { name: 'extended', include: EXTENDED, ...sharedMachine } },
    ],
  },
})
