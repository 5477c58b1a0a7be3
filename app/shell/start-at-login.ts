import { mkdir, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { app } from 'electron'
import { writeFileAtomic } from '../atomic-file.ts'

/** Makes the operating system open the app when the user logs in, or no longer. */
export async function setStartAtLogin(wanted: boolean): Promise<void> {
  const [path, ...args] = loginCommand()
  if (process.platform !== 'linux') {
    app.setLoginItemSettings({ openAtLogin: wanted, ...(path && { path }), args })
    return
  }
  // Linux has no call for it: the desktop reads this folder.
  const folder = join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'autostart')
  const entry = join(folder, 'slipway.desktop')
  if (!wanted) {
    await rm(entry, { force: true })
    return
  }
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(entry, desktopEntry(loginCommand()), { mode: 0o644 })
}

/** Whether this start is the one at login: then the app waits in the tray. */
export function startedAtLogin(): boolean {
  // A Mac's login items take no arguments.
  if (process.platform === 'darwin' && app.getLoginItemSettings().wasOpenedAtLogin) return true
  return process.argv.includes(HIDDEN)
}

const HIDDEN = '--hidden'

/** What was started now, with the checkout where there is no package around it. */
function loginCommand(): string[] {
  const program = process.env['APPIMAGE'] ?? process.execPath
  return [program, ...(app.isPackaged ? [] : [app.getAppPath()]), HIDDEN]
}

/** Desktop Entry Specification 1.5: arguments quoted, `%` doubled, then backslashes escaped as in any other text. */
function desktopEntry(command: readonly string[]): string {
  const parts = command.map((part) => `"${part.replaceAll(/["`$\\]/g, '\\$&').replaceAll('%', '%%')}"`)
  const exec = parts.join(' ').replaceAll('\\', '\\\\')
  return ['[Desktop Entry]', 'Type=Application', 'Name=Slipway', `Exec=${exec}`, ''].join('\n')
}
