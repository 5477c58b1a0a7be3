/** Entry under Electron: builds everything top to bottom and owns it; what things do is decided elsewhere. */
import { join } from 'node:path'
import { app, BrowserWindow, dialog, ipcMain, powerMonitor, session, shell } from 'electron'
import { EngineError, kindOf, messageOf } from '../vm/api/errors.ts'
import type { Host } from './compose.ts'
import { ControlClient } from './control-client.ts'
import { type Home, prepareHome, resolveHome } from './home.ts'
import { serveIpc } from './ipc.ts'
import { allowedExternal } from './open-url.ts'
import { saidBy, say } from './sayings.ts'
import { runDesk } from './shell/desk.ts'
import { keychain } from './shell/keychain.ts'
import { PAGE_ORIGIN, servePage } from './shell/page-protocol.ts'
import { setStartAtLogin, startedAtLogin } from './shell/start-at-login.ts'
import type { MenuActions } from './shell/tray-menu.ts'
import { MainWindow } from './shell/window.ts'
import { takeOver } from './take-over.ts'

const root = join(import.meta.dirname, '..', '..')

run().catch((error: unknown) => {
  const language = /^ko\b/i.test(app.getLocale()) ? 'ko' : 'en'
  const { message, hint } = saidBy(error)
  const advice = error instanceof EngineError ? error.hint : undefined
  const lines = [message ? say(message, language) : messageOf(error), hint ? say(hint, language) : advice]
  dialog.showErrorBox('Slipway', lines.filter(Boolean).join('\n\n'))
  app.exit(1)
})

async function run(): Promise<void> {
  const home = resolveHome()
  await prepareHome(home)
  // One instance per home: the lock lives in this folder.
  app.setPath('userData', join(home.root, 'electron'))
  if (!app.requestSingleInstanceLock()) {
    app.exit(0)
    return
  }
  await app.whenReady()
  let host: Host | undefined
  let window: MainWindow | undefined
  try {
    host = await takeOver({
      home,
      root,
      resources: app.isPackaged ? process.resourcesPath : undefined,
      shell: {
        kind: 'electron',
        headless: false,
        locale: () => app.getLocale(),
        vault: keychain(),
        chooseFolder: async () => {
          const { filePaths } = await dialog.showOpenDialog({
            properties: ['openDirectory', 'createDirectory'],
          })
          return filePaths[0]
        },
        openExternal: (url) => shell.openExternal(allowedExternal(url)),
        open: async () => {
          await window?.show()
          return {}
        },
        quit: () => setImmediate(() => app.quit()),
      },
    })
  } catch (error) {
    if (kindOf(error) !== 'conflict') throw error
    await showOther(home)
    return
  }
  window = openWindow(host)
  await serve(host, window)
}

function openWindow({ home, settings, log }: Host): MainWindow {
  servePage(session.defaultSession, join(root, 'dist', 'renderer'))
  return new MainWindow({
    preload: join(root, 'dist', 'app', 'preload.cjs'),
    statePath: home.windowState,
    log,
    keepInTray: () => settings.value.closeToTray,
  })
}

async function serve(host: Host, window: MainWindow): Promise<void> {
  const { machine, settings, log, dispatcher } = host
  const report = (what: string) => (error: unknown) => {
    if (kindOf(error) !== 'cancelled') log.error(what, error)
  }
  const isOurs = (id: number): boolean => window.isOurs(id)
  serveIpc({ ipc: ipcMain, dispatcher, origin: PAGE_ORIGIN, isOurs })
  const show = (route?: string): void => void window.show(route).catch(report('window'))
  const { lifecycle } = host.engine
  const actions: MenuActions = {
    start: () => void machine.start().catch(report('start')),
    stop: () => void machine.stop().catch(report('stop')),
    restart: () => void machine.restart().catch(report('restart')),
    stopContainer: (id) => void lifecycle.stop(id).catch(report('stop of a container')),
    restartContainer: (id) => void lifecycle.restart(id).catch(report('restart of a container')),
    openWindow: show,
    openPort: (url) => void shell.openExternal(allowedExternal(url)).catch(report('open port')),
    quit: () => app.quit(),
  }
  const desk = runDesk({ host, actions, locale: app.getLocale(), windowFocused: () => window.focused })
  powerMonitor.on('resume', () => machine.resumed())
  app.on('second-instance', () => show())
  app.on('activate', () => show())
  app.on('window-all-closed', () => {
    if (!settings.value.closeToTray) app.quit()
  })
  quitInOrder(host, window, desk)
  followStartAtLogin(host)
  process.on('uncaughtException', report('uncaught'))
  process.on('unhandledRejection', report('unhandled'))
  if (!startedAtLogin()) await window.show()
  const started = settings.value.startEngineOnOpen ? machine.start() : machine.attach()
  await started.catch(report('the engine did not start'))
}

/** Quitting stops the machine first, then lets go of everything. */
function quitInOrder(host: Host, window: MainWindow, desk: AsyncDisposable): void {
  let ending = false
  app.on('before-quit', (event) => {
    event.preventDefault()
    if (ending) return
    ending = true
    window.prepareToQuit()
    for (const open of BrowserWindow.getAllWindows()) open.hide()
    const end = async (): Promise<void> => {
      await host.machine.stop()
      await desk[Symbol.asyncDispose]()
      await host[Symbol.asyncDispose]()
    }
    end()
      .catch((error: unknown) => host.log.error('quit', error))
      .finally(() => app.exit(0))
  })
}

function followStartAtLogin({ settings, log }: Host): void {
  let known = settings.value.startAtLogin
  settings.subscribe(({ startAtLogin }) => {
    if (startAtLogin === known) return
    known = startAtLogin
    setStartAtLogin(startAtLogin).catch((error: unknown) => log.error('start at login', error))
  })
}

/** The home is served to a browser already: that window is the one to show. */
async function showOther(home: Home): Promise<void> {
  const { url } = await new ControlClient(home.controlSocket).call('app.open', [])
  if (url !== undefined) await shell.openExternal(url)
  app.exit(0)
}
