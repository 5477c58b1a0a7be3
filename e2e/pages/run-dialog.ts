import type { Locator, Page } from 'playwright/test'

/** The dialog that makes a container. */
export class RunDialog {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog', { name: 'Run a container' })
  }

  field(label: string): Locator {
    return this.dialog.getByLabel(label, { exact: true })
  }

  /** Opens it from the Containers page. */
  async open(): Promise<void> {
    await this.page.getByRole('main').getByRole('button', { name: 'Run', exact: true }).click()
    await this.dialog.waitFor()
  }

  async fill(form: { image?: string; name?: string; command?: string }): Promise<void> {
    if (form.image !== undefined) {
      await this.field('Image').fill(form.image)
      // Leaves the suggestions, which hide everything else from assistive technology.
      await this.page.keyboard.press('Tab')
    }
    if (form.name !== undefined) await this.field('Name').fill(form.name)
    if (form.command !== undefined) await this.field('Command').fill(form.command)
  }

  /** Adds the first port row and fills it. */
  async port(host: number, container: number): Promise<void> {
    await this.dialog.getByRole('button', { name: 'Add port' }).click()
    await this.dialog.getByRole('textbox', { name: 'This computer' }).fill(String(host))
    await this.dialog.getByRole('textbox', { name: 'Container' }).fill(String(container))
  }

  async run(): Promise<void> {
    await this.dialog.getByRole('button', { name: 'Run', exact: true }).click()
  }
}
