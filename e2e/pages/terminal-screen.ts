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

  /** The middle of a text on screen, in the row that has `before` in front of it. */
  async find(text: string, before: string): Promise<{ x: number; y: number }> {
    const place = await this.panel.evaluate(
      (panel, [wanted, lead]) => {
        for (const row of panel.querySelectorAll('.xterm-rows > div')) {
          const all = (row.textContent ?? '').replaceAll('\u00a0', ' ')
          const at = all.indexOf(`${lead}${wanted}`)
          if (at < 0 || all.includes('echo')) continue
          const cell = document.createRange()
          const letters = document.createTreeWalker(row, NodeFilter.SHOW_TEXT)
          let seen = 0
          const middle = at + lead.length + Math.floor(wanted.length / 2)
          for (let node = letters.nextNode(); node; node = letters.nextNode()) {
            const { length } = node.textContent ?? ''
            if (middle < seen + length) {
              cell.setStart(node, middle - seen)
              cell.setEnd(node, middle - seen + 1)
              const { left, top, width, height } = cell.getBoundingClientRect()
              return { x: left + width / 2, y: top + height / 2 }
            }
            seen += length
          }
        }
        return undefined
      },
      [text, before] as const,
    )
    if (!place) throw new Error(`${text} is not on the terminal's screen`)
    return place
  }
}
