import type { ElectronApplication } from 'playwright/test'

interface Note {
  title: string
  body: string
}

interface Shown {
  notes: Note[]
  last?: Electron.Notification
}

/** What the app would tell the desktop, which has no notifications on a display of its own. */
export class NotificationProbe {
  readonly app: ElectronApplication

  constructor(app: ElectronApplication) {
    this.app = app
  }

  /** From now on remembers what is shown. */
  async watch(): Promise<void> {
    await this.app.evaluate(({ Notification }) => {
      const probe: Shown = { notes: [] }
      Object.assign(globalThis, { notificationProbe: probe })
      Notification.isSupported = () => true
      Notification.prototype.show = function () {
        probe.notes.push({ title: this.title, body: this.body })
        probe.last = this
      }
    })
  }

  shown(): Promise<Note[]> {
    return this.app.evaluate(
      () => (globalThis as unknown as { notificationProbe: Shown }).notificationProbe.notes,
    )
  }

  /** Clicks the last one. */
  async click(): Promise<void> {
    await this.app.evaluate(
      () =>
        void (globalThis as unknown as { notificationProbe: Shown }).notificationProbe.last?.emit('click'),
    )
  }
}
