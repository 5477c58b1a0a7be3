import { expect, type Locator, type Page } from 'playwright/test'

/** The terminal on screen: what it shows, and typing into it. */
export class TerminalScreen {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  get panel(): Locator {
    return this.page
      .getByRole('region')
      .filter({ has: this.page.getByRole('textbox', { name: 'Terminal input' }) })
  }

  /** Buttons of the open shells. */
  get shells(): Locator {
    return this.page
      .getByRole('toolbar', { name: 'Terminal' })
      .getByRole('button', { name: 'sh', exact: true })
  }

  /** The lines on screen. */
  async text(): Promise<string> {
    const rows = await this.panel.evaluate((panel) =>
      Array.from(panel.querySelectorAll('[aria-hidden=true] > div'), (row) => row.textContent.trimEnd()),
    )
    return rows.join('\n').replaceAll('\u00a0', ' ')
  }

  /** Waits until a shell asks for a line. */
  async prompt(): Promise<void> {
    await expect.poll(() => this.text(), { intervals: [20, 50, 100] }).toMatch(/[#$]\s*$/)
  }

  /** Types a line and Enter, once the shell asks for it: what comes earlier mixes with the prompt's own questions. */
  async enter(line: string): Promise<void> {
    await this.prompt()
    await this.panel.getByRole('textbox').focus()
    await this.page.keyboard.type(`${line}\n`)
  }

  async press(keys: string): Promise<void> {
    await this.panel.getByRole('textbox').focus()
    await this.page.keyboard.press(keys)
  }
}
