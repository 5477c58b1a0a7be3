import type { MenuItemConstructorOptions } from 'electron'
import type { ContainerSummary } from '../../vm/api/containers.ts'
import type { MachineState } from '../machine/state.ts'
import type { Texts } from './texts.ts'

/** What menus can set off. */
export interface MenuActions {
  start(): void
  stop(): void
  restart(): void
  stopContainer(id: string): void
  restartContainer(id: string): void
  /** Shows the window, at a page of it. */
  openWindow(route?: string): void
  openPort(url: string): void
  quit(): void
}

/** Start, stop and restart as the state allows them; the tray and the application menu share it. */
export function engineItems(
  { state }: MachineState,
  texts: Texts,
  actions: MenuActions,
): MenuItemConstructorOptions[] {
  const up = state === 'running' || state === 'degraded'
  return [
    { id: 'engine-state', label: texts(`state.${state}`), enabled: false },
    {
      id: 'engine-start',
      label: texts('start'),
      enabled: state === 'stopped' || state === 'failed',
      click: () => actions.start(),
    },
    {
      id: 'engine-stop',
      label: texts('stop'),
      enabled: up || state === 'starting',
      click: () => actions.stop(),
    },
    { id: 'engine-restart', label: texts('restart'), enabled: up, click: () => actions.restart() },
  ]
}

/** The tray's whole menu. Pure. */
export function trayMenu(
  state: MachineState,
  running: readonly ContainerSummary[],
  texts: Texts,
  actions: MenuActions,
): MenuItemConstructorOptions[] {
  return [
    ...engineItems(state, texts, actions),
    { type: 'separator' },
    ...containerItems(running, texts, actions),
    { type: 'separator' },
    { label: texts('open'), click: () => actions.openWindow() },
    { label: texts('quit'), click: () => actions.quit() },
  ]
}

/** A menu has no scroll bar worth the name. */
const SHOWN = 15

function containerItems(
  running: readonly ContainerSummary[],
  texts: Texts,
  actions: MenuActions,
): MenuItemConstructorOptions[] {
  if (running.length === 0) return [{ label: texts('noContainers'), enabled: false }]
  const items = running.slice(0, SHOWN).map(
    (container): MenuItemConstructorOptions => ({
      label: (container.Names[0] ?? container.Id.slice(0, 12)).replace(/^\//, ''),
      submenu: [
        ...portItems(container, texts, actions),
        {
          label: texts('container.terminal'),
          click: () => actions.openWindow(`/containers/${container.Id}/terminal`),
        },
        { label: texts('container.restart'), click: () => actions.restartContainer(container.Id) },
        { label: texts('container.stop'), click: () => actions.stopContainer(container.Id) },
      ],
    }),
  )
  const more = {
    label: texts('moreContainers', { count: running.length }),
    click: () => actions.openWindow('/containers'),
  }
  return [{ label: texts('containers'), enabled: false }, ...items, ...(running.length > SHOWN ? [more] : [])]
}

/** One entry per TCP port of the host; a port bound to both families is one. */
function portItems(
  { Ports }: ContainerSummary,
  texts: Texts,
  actions: MenuActions,
): MenuItemConstructorOptions[] {
  const ports = new Set(
    Ports.flatMap((port) => (port.Type === 'tcp' && port.PublicPort ? [port.PublicPort] : [])),
  )
  return [...ports].map((port) => ({
    label: texts('container.port', { port: `localhost:${port}` }),
    click: () => actions.openPort(`http://localhost:${port}/`),
  }))
}
