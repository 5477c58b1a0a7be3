import { setTimeout as sleep } from 'node:timers/promises'
import { Notification } from 'electron'
import type { ContainerSummary } from '../../vm/api/containers.ts'
import { Disposal } from '../../vm/api/disposal.ts'
import { untilRunning } from '../backend/running.ts'
import type { Host } from '../compose.ts'
import { watchEvents } from '../engine/events.ts'
import { type News, NewsDesk } from '../news.ts'
import { setApplicationMenu } from './menu.ts'
import { noteOf } from './notifications.ts'
import { textsFor } from './texts.ts'
import { AppTray } from './tray.ts'
import type { MenuActions } from './tray-menu.ts'

export interface DeskOptions {
  readonly host: Host
  readonly actions: MenuActions
  readonly locale: string
  readonly windowFocused: () => boolean
}

/** Events of one action come in a burst; the tray is drawn once for it. */
const SETTLE = 150

/** Keeps tray, menus and notifications in step with the machine, the containers and the settings. */
export function runDesk({ host, actions, locale, windowFocused }: DeskOptions): AsyncDisposable {
  const owned = new Disposal()
  const ended = new AbortController()
  const news = new NewsDesk()
  let running: ContainerSummary[] = []
  const texts = (): ReturnType<typeof textsFor> => textsFor(host.settings.value.language, locale)
  const view = () => ({ state: host.machine.state, running, texts: texts() })
  const tray = owned.use(new AppTray(view(), actions))
  const draw = (): void => {
    tray.show(view())
    setApplicationMenu(host.machine.state, texts(), actions)
  }
  const tell = (fresh: News | undefined): void => {
    if (!fresh || windowFocused() || !host.settings.value.notifications || !Notification.isSupported()) return
    const note = noteOf(fresh, texts())
    const notification = new Notification({ title: note.title, body: note.body })
    notification.on('click', () => actions.openWindow(note.route))
    notification.show()
  }
  owned.push(
    host.machine.subscribe((state) => {
      if (state.state === 'stopped' || state.state === 'failed') running = []
      tell(news.onState(state))
      draw()
    }),
  )
  owned.push(host.settings.subscribe(draw))
  const failed = (error: unknown): void => {
    if (!ended.signal.aborted) host.log.warn('tray: containers not read', { error: String(error) })
  }
  let pending = false
  const refresh = async (): Promise<void> => {
    if (pending) return
    pending = true
    await sleep(SETTLE, undefined, { signal: ended.signal }).finally(() => {
      pending = false
    })
    running = await host.engine.containers.list({}, { signal: ended.signal })
    draw()
  }
  owned.push(
    host.machine.subscribe(({ state }) => {
      if (state === 'running') refresh().catch(failed)
    }),
  )
  const follow = async (): Promise<void> => {
    const ready = (signal: AbortSignal): Promise<void> => untilRunning(host.machine, signal)
    for await (const event of watchEvents(host.engine.http, { signal: ended.signal, ready })) {
      if (!('resync' in event)) tell(news.onEvent(event))
      if ('resync' in event || event.Type === 'container') refresh().catch(failed)
    }
  }
  follow().catch((error: unknown) => host.log.error('tray', error))
  owned.push(() => ended.abort())
  return owned
}
