import { app, BrowserWindow, nativeTheme, screen, session, shell } from 'electron'
import { allowedExternal } from '../open-url.ts'
import type { Log } from './log.ts'
import { PAGE_ORIGIN } from './page-protocol.ts'
import { loadWindowState, saveWindowState, type WindowState } from './window-state.ts'

export interface WindowOptions {
  readonly preload: string
  readonly statePath: string
  readonly log: Log
  /** Whether closing hides the window instead. */
  readonly keepInTray: () => boolean
}

/** Resize and move come in bursts. */
const SAVE_DELAY = 500
/** What the page itself may use without asking. */
const PERMISSIONS = new Set(['clipboard-sanitized-write', 'clipboard-read', 'fullscreen', 'notifications'])

/** The one window: made when first shown, remembered where it was, locked to our own page. */
export class MainWindow {
  readonly #options: WindowOptions
  #window: BrowserWindow | undefined
  #making: Promise<BrowserWindow> | undefined
  #quitting = false

  constructor(options: WindowOptions) {
    this.#options = options
    session.defaultSession.setPermissionRequestHandler((_contents, permission, answer) =>
      answer(PERMISSIONS.has(permission)),
    )
    app.on('web-contents-created', (_event, contents) => lock(contents, options.log))
  }

  get focused(): boolean {
    return this.#window?.isFocused() ?? false
  }

  isOurs(webContentsId: number): boolean {
    return this.#window?.webContents.id === webContentsId
  }

  /** Brings the window up, at a page of it when one is named. */
  async show(route?: string): Promise<void> {
    this.#making ??= this.#make()
    const window = await this.#making
    if (route !== undefined) {
      await window.webContents.executeJavaScript(`location.hash = ${JSON.stringify(`#${route}`)}; undefined`)
    }
    if (window.isMinimized()) window.restore()
    window.show()
    window.focus()
  }

  /** From now on closing closes. */
  prepareToQuit(): void {
    this.#quitting = true
  }

  async #make(): Promise<BrowserWindow> {
    const { statePath, preload } = this.#options
    const displays = screen.getAllDisplays().map(({ workArea }) => workArea)
    const state = await loadWindowState(statePath, displays)
    const window = new BrowserWindow({
      width: 1180,
      height: 760,
      ...state?.bounds,
      minWidth: 720,
      minHeight: 480,
      show: false,
      title: 'Slipway',
      backgroundColor: nativeTheme.shouldUseDarkColors ? '#16181d' : '#ffffff',
      ...(process.platform === 'darwin'
        ? { titleBarStyle: 'hiddenInset' as const }
        : { autoHideMenuBar: true }),
      webPreferences: {
        preload,
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webviewTag: false,
        spellcheck: false,
      },
    })
    if (state?.maximized) window.maximize()
    this.#window = window
    this.#remember(window)
    const ready = new Promise<void>((resolve) => window.once('ready-to-show', resolve))
    await window.loadURL(`${PAGE_ORIGIN}/`)
    await ready
    return window
  }

  #remember(window: BrowserWindow): void {
    let timer: NodeJS.Timeout | undefined
    const save = (): void => {
      clearTimeout(timer)
      if (window.isDestroyed()) return
      const state: WindowState = { bounds: window.getNormalBounds(), maximized: window.isMaximized() }
      saveWindowState(this.#options.statePath, state).catch((error: unknown) =>
        this.#options.log.error('window state', error),
      )
    }
    const later = (): void => {
      clearTimeout(timer)
      timer = setTimeout(save, SAVE_DELAY)
    }
    window.on('resize', later)
    window.on('move', later)
    window.on('close', (event) => {
      save()
      if (this.#quitting || !this.#options.keepInTray()) return
      event.preventDefault()
      window.hide()
    })
    window.on('closed', () => {
      clearTimeout(timer)
      this.#window = undefined
      this.#making = undefined
    })
  }
}

/** Every page there will ever be stays at our own; links go out through the allow-list. */
function lock(contents: Electron.WebContents, log: Log): void {
  contents.on('will-navigate', (event) => {
    if (!event.url.startsWith(`${PAGE_ORIGIN}/`)) event.preventDefault()
  })
  contents.on('will-attach-webview', (event) => event.preventDefault())
  contents.setWindowOpenHandler(({ url }) => {
    try {
      void shell.openExternal(allowedExternal(url))
    } catch (error) {
      log.warn('link refused', { url, error: String(error) })
    }
    return { action: 'deny' }
  })
}
