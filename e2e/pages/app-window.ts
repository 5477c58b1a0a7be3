import { expect, type Locator, type Page } from 'playwright/test'

export type Section = 'Containers' | 'Images' | 'Volumes' | 'Networks' | 'Clean up' | 'Machine' | 'Settings'

/** What every page has: the sidebar with the engine's state, menus, dialogs and notices. */
export class AppWindow {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  get sidebar(): Locator {
    return this.page.getByRole('navigation', { name: 'Main' })
  }

  async goTo(section: Section): Promise<void> {
    await this.sidebar.getByRole('link', { name: section, exact: true }).click()
    await this.heading(section).waitFor()
  }

  /** Title of the page that is shown. */
  heading(title: string): Locator {
    return this.page.getByRole('main').getByRole('heading', { level: 1, name: title, exact: true })
  }

  /** The engine's state in the sidebar, when it is this one. */
  engine(
    state: 'Stopped' | 'Starting' | 'Running' | 'Running with problems' | 'Stopping' | 'Stopped by an error',
  ): Locator {
    return this.sidebar.getByRole('link', { name: new RegExp(`^${state}(?! by)`) })
  }

  dialog(title: string): Locator {
    return this.page.getByRole('dialog', { name: title, exact: true })
  }

  /** Clicks an entry of the open menu. */
  async choose(entry: string): Promise<void> {
    await this.page.getByRole('menuitem', { name: entry }).first().click()
  }

  /** Chooses an option of a select box, within a part of the page when names repeat. */
  async select(label: string, option: string): Promise<void> {
    await this.page.getByRole('combobox', { name: label, exact: true }).click()
    await this.page.getByRole('option', { name: option, exact: true }).click()
  }

  /** On the machine's page: asks for a reset and confirms it, or thinks better of it. */
  async reset(what: string, { sure = true } = {}): Promise<void> {
    const row = this.page.locator('.card-row').filter({ hasText: what })
    await row.getByRole('button', { name: 'Reset…' }).click()
    await this.dialog(what)
      .getByRole('button', { name: sure ? 'Reset' : 'Cancel', exact: true })
      .click()
    await expect(this.dialog(what)).toBeHidden()
  }

  /** Opens the command palette and types into it. */
  async palette(text: string): Promise<Locator> {
    await this.page.keyboard.press('Control+k')
    const box = this.page.getByPlaceholder('Type a command or search…')
    await box.fill(text)
    return this.page.getByRole('dialog', { name: 'Commands' })
  }
}
