import { defineConfig } from 'vitest/config'

/**
 * `unit`: beside the source, no root, no network, no VM. `integration`: e2e/integration, one real VM and registry for
 * the whole run (e2e/integration/setup.ts).
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{app,vm,renderer,e2e}/**/*.test.{ts,tsx}'],
          exclude: ['e2e/integration/**', '**/*.root.test.ts', '**/*.vm.test.ts', 'node_modules/**', 'dist/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['e2e/integration/*.test.ts'],
          globalSetup: 'e2e/integration/setup.ts',
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
