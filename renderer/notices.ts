import { type News, NewsDesk } from '../app/news.ts'
import { notify } from './components/toast.tsx'
import { dialogs } from './dialogs.ts'
import { t } from './i18n.ts'
import { type Notice, withNews } from './notice-list.ts'
import { go } from './router.ts'
import { onEngineEvent, session } from './session.ts'
import { Store } from './store.ts'
import { tasks } from './tasks.ts'

/** The newest first; `unread` since the list was last looked at. */
export const notices = new Store<{ list: readonly Notice[]; unread: number }>({ list: [], unread: 0 })
/** Milliseconds on screen: it stays in the list. */
const GLANCE = 6000

/** Follows the engine and the machine for as long as the window lives. */
export function startNotices(): void {
  const desk = new NewsDesk()
  onEngineEvent((event) => take(desk.onEvent(event)))
  session.subscribe(() => {
    const { machine } = session.get()
    if (machine) take(desk.onState(machine))
  })
}

function take(news: News | undefined): undefined {
  if (!news) return undefined
  const { list, fresh } = withNews(notices.get().list, news, Date.now())
  notices.set(({ unread }) => ({ list, unread: fresh ? unread + 1 : unread }))
  if (fresh && session.get().settings?.notifications !== false && !isKnown(news)) pop(news)
  return undefined
}

/** What this window shows by itself, or the desktop does while it is in the background. */
function isKnown(news: News): boolean {
  if (news.kind === 'failed') return true
  // A failed start of the dialog's own is told in the dialog.
  if (news.kind === 'died' && /^(run|edit)$/.test(dialogs.get().open?.kind ?? '')) return true
  if (
    news.kind === 'pulled' &&
    tasks.get().some(({ kind, subject }) => kind === 'pull' && subject === news.name)
  )
    return true
  return session.get().app?.shell === 'electron' && !document.hasFocus()
}

function pop(news: News): void {
  notify({
    title: noticeText(news),
    kind: news.kind === 'pulled' ? 'success' : 'error',
    timeout: GLANCE,
    ...(news.kind === 'died' && {
      action: { label: t('notices.show'), run: () => go(...noticeRoute(news)) },
    }),
  })
}

export function noticeText(news: News): string {
  switch (news.kind) {
    case 'died':
      return t('notices.died', { name: news.name, code: news.code })
    case 'pulled':
      return t('images.pulled', { name: news.name })
    case 'failed':
      return t('notices.failed')
  }
}

/** The page that tells more. */
export function noticeRoute(news: News): string[] {
  switch (news.kind) {
    case 'died':
      return ['containers', news.id, 'logs']
    case 'pulled':
      return ['images']
    case 'failed':
      return ['machine']
  }
}

export function readNotices(): void {
  notices.patch({ unread: 0 })
}

export function clearNotices(): void {
  notices.patch({ list: [], unread: 0 })
}
