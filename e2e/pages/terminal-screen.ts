import type { Locator, Page } from 'playwright/test'

/** The terminal on screen: what it shows, and typing into it. */
export class TerminalScreen {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  get panel(): Locator {
    return this.page.getByRole('tabpanel')
  }

  get tabs(): Locator {
    return this.page.getByRole('tablist', { name: 'Terminal' }).getByRole('tab')
  }

  /** The lines on screen. */
  async text(): Promise<string> {
    const rows = await this.panel.evaluate((panel) =>
      Array.from(panel.querySelectorAll('[aria-hidden=true] > div'), (row) => row.textContent.trimEnd()),
    )
    return rows.join('\n').replaceAll('\u00a0', ' ')
  }

  /** Types a line and Enter. */
  async enter(line: string): Promise<void> {
    await this.panel.getByRole('textbox').focus()
    await this.page.keyboard.type(`${line}\n`)
  }

  async press(keys: string): Promise<void> {
    await this.panel.getByRole('textbox').focus()
    await this.page.keyboard.press(keys)
  }
}
