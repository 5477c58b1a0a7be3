import type { Locator, Page } from 'playwright/test'
import { AppWindow } from './app-window.ts'

/** The list of images and what is under way with them. */
export class ImagesPage {
  readonly page: Page
  readonly app: AppWindow

  constructor(page: Page) {
    this.page = page
    this.app = new AppWindow(page)
  }

  row(name: string): Locator {
    return this.page.getByRole('grid', { name: 'Images' }).getByRole('row').filter({ hasText: name })
  }

  async act(name: string, entry: string): Promise<void> {
    await this.row(name).getByRole('button', { name: 'More actions' }).click()
    await this.app.choose(entry)
  }

  /** Starts to pull. */
  async pull(reference: string): Promise<void> {
    await this.page.getByRole('main').getByRole('button', { name: 'Pull', exact: true }).first().click()
    await this.app.dialog('Pull an image').getByLabel('Image').fill(reference)
    // Suggestions may cover the dialog for assistive technology, not for the mouse.
    const dialog = this.page.getByRole('dialog', { name: 'Pull an image', includeHidden: true })
    await dialog.getByRole('button', { name: 'Pull', exact: true, includeHidden: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }

  /** Progress bars of a pull: the whole first, then one per layer. */
  progress(name?: string): Locator {
    return this.page.getByRole('progressbar', name === undefined ? {} : { name })
  }
}
