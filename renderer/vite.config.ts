import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/**
 * Production: index.html → dist/renderer. `--mode fake`: the same interface over the in-memory bridge of dev/, for
 * looking at screens and for measuring without an engine; it never enters the production bundle.
 */
export default defineConfig(({ mode }) => ({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  build: {
    outDir: mode === 'fake' ? '../dist/renderer-fake' : '../dist/renderer',
    emptyOutDir: true,
    target: 'chrome128',
    cssTarget: 'chrome128',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    // Read from the disk beside the program, never from a network: splitting what is always shown gains nothing.
    chunkSizeWarningLimit: 700,
    rolldownOptions: { input: mode === 'fake' ? 'dev/index.html' : 'index.html' },
  },
}))
