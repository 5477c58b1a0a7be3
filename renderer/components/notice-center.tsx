import { Popover } from '@base-ui/react/popover'
import { Bell, BellOff } from 'lucide-react'
import { useState } from 'react'
import { call } from '../api.ts'
import { failureText } from '../errors.ts'
import { ago, count } from '../format.ts'
import { useI18n } from '../i18n.ts'
import type { Notice } from '../notice-list.ts'
import { clearNotices, noticeRoute, notices, noticeText, readNotices } from '../notices.ts'
import { href } from '../router.ts'
import { session } from '../session.ts'
import { useStore } from '../store.ts'
import { Button, IconButton } from './button.tsx'
import { Dot } from './status.tsx'
import { notifyError } from './toast.tsx'
import './notice-center.css'

/** What happened while one looked elsewhere, behind a bell; muting it keeps the list but interrupts nobody. */
export function NoticeCenter() {
  const { t, locale } = useI18n()
  const { list, unread } = useStore(notices, (state) => state)
  const [open, setOpen] = useState(false)
  const muted = useStore(session, ({ settings }) => settings?.notifications === false)
  const mute = (): void => {
    call('settings.set', [{ notifications: muted }]).then(
      (settings) => session.patch({ settings }),
      (error: unknown) => notifyError(t('settings.failed'), error),
    )
  }
  const Icon = muted ? BellOff : Bell
  const label = unread > 0 ? t('notices.unread', { count: unread }) : t('notices.title')
  return (
    <Popover.Root
      open={open}
      onOpenChange={(next) => {
        setOpen(next)
        readNotices()
      }}
    >
      <Popover.Trigger className="icon-button bell" aria-label={label} title={label}>
        <Icon size={15} strokeWidth={1.9} aria-hidden />
        {unread > 0 && (
          <span className="bell-count num" aria-hidden>
            {count(unread, locale)}
          </span>
        )}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner className="menu-positioner" side="bottom" align="start" sideOffset={6}>
          <Popover.Popup className="menu notices">
            <div className="notices-head">
              <Popover.Title className="grow">{t('notices.title')}</Popover.Title>
              <IconButton
                icon={muted ? BellOff : Bell}
                label={t(muted ? 'notices.unmute' : 'notices.mute')}
                pressed={muted}
                onClick={mute}
              />
              <Button kind="ghost" disabled={list.length === 0} onClick={clearNotices}>
                {t('notices.clear')}
              </Button>
            </div>
            {list.length === 0 ? (
              <p className="notices-empty">{t(muted ? 'notices.muted' : 'notices.empty')}</p>
            ) : (
              <ul className="notices-list">
                {list.map((notice) => (
                  <Row key={notice.key} notice={notice} onChoose={() => setOpen(false)} />
                ))}
              </ul>
            )}
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  )
}

function Row({ notice, onChoose }: { notice: Notice; onChoose: () => void }) {
  const { t, locale } = useI18n()
  return (
    <li>
      <a className="notices-row" href={href(...noticeRoute(notice))} onClick={onChoose}>
        <Dot tone={notice.kind === 'pulled' ? 'green' : 'red'} />
        <span className="grow">
          {noticeText(notice)}
          {notice.times > 1 && (
            <span className="faint nowrap notices-times">
              {t('notices.times', { shown: count(notice.times, locale) })}
            </span>
          )}
          {notice.kind === 'failed' && <span className="field-hint">{failureText(notice).error}</span>}
        </span>
        <span className="faint num nowrap">{ago(notice.time, Date.now(), locale)}</span>
      </a>
    </li>
  )
}
