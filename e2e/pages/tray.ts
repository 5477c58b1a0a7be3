import type { ElectronApplication } from 'playwright/test'

export interface TrayItem {
  label: string
  enabled: boolean
  items?: TrayItem[]
}

/** The real tray: what the app last put into it, as the desktop would show it. */
export class TrayProbe {
  readonly app: ElectronApplication

  constructor(app: ElectronApplication) {
    this.app = app
  }

  /** From now on remembers what is shown; the desktop itself cannot be asked. */
  async watch(): Promise<void> {
    await this.app.evaluate(({ Tray }) => {
      const probe: { menu?: Electron.Menu; tip?: string } = {}
      Object.assign(globalThis, { trayProbe: probe })
      const { setContextMenu, setToolTip } = Tray.prototype
      Tray.prototype.setContextMenu = function (menu) {
        if (menu) probe.menu = menu
        setContextMenu.call(this, menu)
      }
      Tray.prototype.setToolTip = function (tip) {
        probe.tip = tip
        setToolTip.call(this, tip)
      }
    })
  }

  tip(): Promise<string | undefined> {
    return this.app.evaluate(() => (globalThis as { trayProbe?: { tip?: string } }).trayProbe?.tip)
  }

  items(): Promise<TrayItem[]> {
    return this.app.evaluate(() => {
      const read = (menu: Electron.Menu): TrayItem[] =>
        menu.items
          .filter(({ type }) => type !== 'separator')
          .map(({ label, enabled, submenu }) => ({
            label,
            enabled,
            ...(submenu && { items: read(submenu) }),
          }))
      const { trayProbe } = globalThis as { trayProbe?: { menu?: Electron.Menu } }
      return trayProbe?.menu ? read(trayProbe.menu) : []
    })
  }

  /** Chooses an entry, by the labels that lead to it. */
  async choose(...path: string[]): Promise<void> {
    await this.app.evaluate((_electron, labels) => {
      const { trayProbe } = globalThis as { trayProbe?: { menu?: Electron.Menu } }
      let menu = trayProbe?.menu
      let item: Electron.MenuItem | undefined
      for (const label of labels) {
        item = menu?.items.find((one) => one.label === label)
        menu = item?.submenu
      }
      if (!item) throw new Error(`the tray has no ${labels.join(' → ')}`)
      item.click()
    }, path)
  }
}
