import { app, Menu, type MenuItemConstructorOptions, shell } from 'electron'
import type { MachineState } from '../machine/state.ts'
import type { Texts } from './texts.ts'
import { engineItems, type MenuActions } from './tray-menu.ts'

/** The application menu with the platform's own accelerators; its Engine part follows the state. */
export function setApplicationMenu(state: MachineState, texts: Texts, actions: MenuActions): void {
  const mac = process.platform === 'darwin'
  const quit: MenuItemConstructorOptions = {
    label: texts('quit'),
    accelerator: 'CmdOrCtrl+Q',
    click: () => actions.quit(),
  }
  const window: MenuItemConstructorOptions = {
    label: texts('open'),
    click: () => actions.openWindow(),
  }
  const run: MenuItemConstructorOptions = {
    label: texts('run'),
    accelerator: 'CmdOrCtrl+N',
    enabled: state.state === 'running' || state.state === 'degraded',
    click: () => actions.openWindow('/run'),
  }
  const settings: MenuItemConstructorOptions = {
    label: texts('settings'),
    accelerator: 'CmdOrCtrl+,',
    click: () => actions.openWindow('/settings'),
  }
  const template: MenuItemConstructorOptions[] = [
    mac
      ? {
          role: 'appMenu',
          submenu: [
            { role: 'about' },
            { type: 'separator' },
            settings,
            { type: 'separator' },
            { role: 'hide' },
            { role: 'hideOthers' },
            { type: 'separator' },
            quit,
          ],
        }
      : {
          label: texts('file'),
          submenu: [
            run,
            settings,
            { type: 'separator' },
            window,
            { type: 'separator' },
            { role: 'close' },
            quit,
          ],
        },
    ...(mac ? [{ label: texts('file'), submenu: [run, { role: 'close' as const }] }] : []),
    { label: texts('engine'), submenu: engineItems(state, texts, actions) },
    { label: texts('edit'), role: 'editMenu' },
    {
      label: texts('view'),
      submenu: [
        ...pageItems(texts, actions),
        { type: 'separator' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'resetZoom' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        { role: 'toggleDevTools' },
      ],
    },
    { label: texts('window'), role: 'windowMenu' },
    {
      label: texts('help'),
      role: 'help',
      submenu: [
        {
          label: texts('documentation'),
          click: () => void shell.openExternal('https://docs.docker.com/reference/cli/docker/'),
        },
        ...(mac
          ? []
          : [
              { type: 'separator' as const },
              { label: texts('about'), click: () => void app.showAboutPanel() },
            ]),
      ],
    },
  ]
  Menu.setApplicationMenu(Menu.buildFromTemplate(template))
}

/** The window's pages, with the keys that the window has for them too. */
const PAGES = ['containers', 'images', 'volumes', 'networks', 'cleanup', 'machine'] as const

function pageItems(texts: Texts, actions: MenuActions): MenuItemConstructorOptions[] {
  return PAGES.map((page, index) => ({
    label: texts(`page.${page}`),
    accelerator: `CmdOrCtrl+${index + 1}`,
    click: () => actions.openWindow(`/${page}`),
  }))
}
