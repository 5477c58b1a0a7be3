import type { Locator, Page } from 'playwright/test'
import { AppWindow } from './app-window.ts'
import { TerminalScreen } from './terminal-screen.ts'

export type Tab =
  | 'Logs'
  | 'Terminal'
  | 'Files'
  | 'Changes'
  | 'Stats'
  | 'Processes'
  | 'Ports'
  | 'Environment'
  | 'Inspect'

/** One container with its tabs. */
export class ContainerPage {
  readonly page: Page
  readonly app: AppWindow
  readonly terminal: TerminalScreen

  constructor(page: Page) {
    this.page = page
    this.app = new AppWindow(page)
    this.terminal = new TerminalScreen(page)
  }

  async openTab(tab: Tab): Promise<void> {
    await this.page
      .getByRole('navigation', { name: 'Container sections' })
      .getByRole('link', { name: tab })
      .click()
  }

  get log(): Locator {
    return this.page.getByRole('log', { name: 'Log' })
  }

  async addPort(host: string, inside: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'This computer' }).fill(host)
    await this.page.getByRole('textbox', { name: 'Container' }).fill(inside)
    await this.page.getByRole('button', { name: 'Add', exact: true }).click()
  }
}
