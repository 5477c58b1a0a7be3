import { defineConfig } from 'rolldown'

/** Host code runs on Node 20 and Electron 33 and newer; the agent on the Node of the image. */
const host = {
  platform: 'node' as const,
  external: [/^node:/, 'electron', 'ssh2', 'cpu-features'],
  transform: { target: 'node20' },
}

export default defineConfig([
  {
    ...host,
    input: { main: 'app/main.ts', serve: 'app/serve.ts', cli: 'app/cli.ts' },
    output: { dir: 'dist/app', format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
  },
  {
    ...host,
    input: 'app/preload.ts',
    output: { file: 'dist/app/preload.cjs', format: 'cjs' },
  },
  {
    ...host,
    input: 'vm/image/build.ts',
    output: { file: 'dist/vm/image/build.js', format: 'esm', codeSplitting: false },
  },
  {
    platform: 'node',
    external: [/^node:/],
    transform: { target: 'node22' },
    input: 'vm/agent/main.ts',
    output: { file: 'dist/agent/main.js', format: 'esm', codeSplitting: false, minify: { compress: true, mangle: false } },
  },
])
