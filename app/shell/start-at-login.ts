import { mkdir, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { app } from 'electron'
import { writeFileAtomic } from '../atomic-file.ts'

/** Makes the operating system open the app when the user logs in, or no longer. */
export async function setStartAtLogin(wanted: boolean): Promise<void> {
  if (process.platform !== 'linux') {
    app.setLoginItemSettings({ openAtLogin: wanted, args: ['--hidden'] })
    return
  }
  // Linux has no call for it: the desktop reads this folder.
  const folder = join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'autostart')
  const path = join(folder, 'slipway.desktop')
  if (!wanted) {
    await rm(path, { force: true })
    return
  }
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(path, desktopEntry(process.env['APPIMAGE'] ?? process.execPath), { mode: 0o644 })
}

function desktopEntry(program: string): string {
  return ['[Desktop Entry]', 'Type=Application', 'Name=Slipway', `Exec="${program}" --hidden`, ''].join('\n')
}
