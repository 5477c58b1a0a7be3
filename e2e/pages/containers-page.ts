import type { Locator, Page } from 'playwright/test'
import { AppWindow } from './app-window.ts'

/** The live list of containers. */
export class ContainersPage {
  readonly page: Page
  readonly app: AppWindow

  constructor(page: Page) {
    this.page = page
    this.app = new AppWindow(page)
  }

  get list(): Locator {
    return this.page.getByRole('grid', { name: 'Containers' })
  }

  row(name: string): Locator {
    return this.list.getByRole('row').filter({ has: this.page.getByRole('link', { name, exact: true }) })
  }

  /** Names in the order of the list. */
  async names(): Promise<string[]> {
    return await this.list.getByRole('row').getByRole('link').allTextContents()
  }

  async open(name: string): Promise<void> {
    await this.row(name).getByRole('link', { name, exact: true }).click()
    await this.app.heading(name).waitFor()
  }

  /** Chooses an entry of a row's menu. */
  async act(name: string, entry: string): Promise<void> {
    await this.row(name).getByRole('button', { name: 'More actions' }).click()
    await this.app.choose(entry)
  }
}
