import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, run, step } from './run.mjs'

const DAY = 24 * 3600 * 1000

/** Opens the app: Electron where its binary can be had and there is a display, else the same UI in the browser. */
export async function startApp(args) {
  const electron = hasDisplay() ? await electronBinary() : undefined
  if (!electron) return await run(process.execPath, ['dist/app/serve.js', ...args], { check: false })
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return await run(electron, ['.', ...sandbox, ...args], { check: false })
}

function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}

/** Path of an Electron that starts, or undefined with the reason said. A failed download is tried again after a day. */
export async function electronBinary() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (override) return join(override, process.platform === 'win32' ? 'electron.exe' : 'electron')
  const folder = join(ROOT, 'node_modules', 'electron')
  const pathFile = join(folder, 'path.txt')
  const miss = join(folder, '.unavailable')
  if (!existsSync(pathFile) && !(existsSync(miss) && Date.now() - statSync(miss).mtimeMs < DAY)) {
    step('downloading Electron')
    const code = await run(process.execPath, [join(folder, 'install.js')], {
      check: false,
      quiet: true,
      env: { ELECTRON_GET_NO_PROGRESS: '1' },
    })
    if (code !== 0) writeFileSync(miss, '')
  }
  if (existsSync(pathFile)) {
    return join(folder, 'dist', readFileSync(pathFile, 'utf8'))
  }
  step('Electron cannot be downloaded here: opening the window in the browser instead')
  return undefined
}
