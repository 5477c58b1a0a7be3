import { defineConfig, type RolldownOptions } from 'rolldown'

/** Host code runs on Node 20 and Electron 33 and newer; the agent on the Node of the image. */
const host: RolldownOptions = {
  platform: 'node',
  external: [/^node:/, 'electron', 'ssh2', 'cpu-features', 'playwright', /^vitest/],
  transform: { target: 'node20' },
}
const chunked = {
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
} as const

const parts: Record<string, RolldownOptions[]> = {
  app: [
    {
      ...host,
      input: { main: 'app/main.ts', serve: 'app/serve.ts', cli: 'app/cli.ts' },
      output: { dir: 'dist/app', ...chunked },
    },
    { ...host, input: 'app/preload.ts', output: { file: 'dist/app/preload.cjs', format: 'cjs' } },
  ],
  agent: [
    {
      platform: 'node',
      external: [/^node:/],
      transform: { target: 'node22' },
      input: 'vm/agent/main.ts',
      output: {
        file: 'dist/agent/main.js',
        format: 'esm',
        codeSplitting: false,
        minify: { compress: true, mangle: false },
      },
    },
  ],
  image: [
    {
      ...host,
      input: 'vm/image/build.ts',
      output: { file: 'dist/vm/image/build.js', format: 'esm', codeSplitting: false },
    },
  ],
  e2e: [
    { ...host, input: { run: 'e2e/run.ts', bench: 'e2e/bench.ts' }, output: { dir: 'dist/e2e', ...chunked } },
  ],
}

const wanted = process.env['PART']
export default defineConfig(wanted ? (parts[wanted] ?? []) : Object.values(parts).flat())
