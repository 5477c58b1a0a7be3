import { Menu, nativeImage, Tray } from 'electron'
import type { ContainerSummary } from '../../vm/api/containers.ts'
import type { MachineState } from '../machine/state.ts'
import type { Texts } from './texts.ts'
import { drawTrayIcon } from './tray-icon.ts'
import { type MenuActions, trayMenu } from './tray-menu.ts'

export interface TrayView {
  readonly state: MachineState
  readonly running: readonly ContainerSummary[]
  readonly texts: Texts
}

/** The icon beside the clock: shows what it is told and nothing else. */
export class AppTray implements Disposable {
  readonly #tray: Tray
  readonly #actions: MenuActions
  #icon = ''

  constructor(view: TrayView, actions: MenuActions) {
    this.#tray = new Tray(icon(view.state))
    this.#actions = actions
    this.#tray.on('double-click', () => actions.openWindow())
    this.show(view)
  }

  show({ state, running, texts }: TrayView): void {
    if (this.#icon !== state.state) {
      this.#icon = state.state
      this.#tray.setImage(icon(state))
    }
    this.#tray.setToolTip(`Slipway: ${texts(`state.${state.state}`)}`)
    this.#tray.setContextMenu(Menu.buildFromTemplate(trayMenu(state, running, texts, this.#actions)))
  }

  [Symbol.dispose](): void {
    this.#tray.destroy()
  }
}

function icon({ state }: MachineState): Electron.NativeImage {
  const size = process.platform === 'darwin' ? 18 : 22
  const image = nativeImage.createEmpty()
  for (const scaleFactor of [1, 2]) {
    const pixels = size * scaleFactor
    image.addRepresentation({
      scaleFactor,
      width: pixels,
      height: pixels,
      buffer: nativeImage
        .createFromBitmap(drawTrayIcon(state, pixels), { width: pixels, height: pixels })
        .toPNG(),
    })
  }
  return image
}
