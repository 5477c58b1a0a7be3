import { type LucideIcon, Play, RotateCw, Search, Settings, Square } from 'lucide-react'
import { dialogs } from '../dialogs.ts'
import { useI18n } from '../i18n.ts'
import { machineTone, useMachineActions } from '../pages/machine/machine-actions.ts'
import { stepProgress } from '../pages/machine/steps.ts'
import { href, useRoute } from '../router.ts'
import { isOnline, session } from '../session.ts'
import { PAGES } from '../shortcuts.ts'
import { useStore } from '../store.ts'
import { IconButton } from './button.tsx'
import { Keys } from './keys.tsx'
import { NoticeCenter } from './notice-center.tsx'
import { PAGE_ICONS } from './page-icons.ts'
import { Dot, ProgressBar } from './status.tsx'
import './sidebar.css'

export function Sidebar() {
  const { t } = useI18n()
  const { parts } = useRoute()
  const mac = useStore(session, ({ app }) => app?.platform === 'darwin' && app.shell === 'electron')
  return (
    <nav className={mac ? 'sidebar sidebar-mac' : 'sidebar'} aria-label={t('nav.label')}>
      <div className="brand">
        <img src={new URL('../icon.svg', import.meta.url).href} width={20} height={20} alt="" />
        <span>Slipway</span>
        <NoticeCenter />
      </div>
      <button type="button" className="nav-search" onClick={() => dialogs.patch({ palette: true })}>
        <Search size={14} aria-hidden />
        <span className="grow">{t('nav.search')}</span>
        <Keys keys="Mod+K" />
      </button>
      <ul>
        {PAGES.map((page) => (
          <NavItem
            key={page}
            page={page}
            icon={PAGE_ICONS[page]}
            label={t(`nav.${page}`)}
            current={(parts[0] ?? 'containers') === page}
          />
        ))}
      </ul>
      <span className="grow" />
      <ul>
        <NavItem
          page="settings"
          icon={Settings}
          label={t('nav.settings')}
          current={parts[0] === 'settings'}
        />
      </ul>
      <EngineCard />
    </nav>
  )
}

function NavItem({
  page,
  icon: Icon,
  label,
  current,
}: {
  page: string
  icon: LucideIcon
  label: string
  current: boolean
}) {
  return (
    <li>
      <a className="nav-item" href={href(page)} aria-current={current ? 'page' : undefined}>
        <Icon size={15} strokeWidth={1.9} aria-hidden />
        {label}
      </a>
    </li>
  )
}

function EngineCard() {
  const { t } = useI18n()
  const machine = useStore(session, (state) => state.machine)
  const { start, stop, pending } = useMachineActions()
  const state = machine?.state ?? 'unknown'
  const detail =
    machine?.state === 'starting'
      ? t(`machine.step.${machine.step}`)
      : isOnline(machine) && machine && 'accelerator' in machine
        ? t(`machine.accelerator.${machine.accelerator}`)
        : undefined
  return (
    <div className="engine">
      <Dot tone={machineTone(machine)} />
      <a className="grow engine-text" href={href('machine')}>
        <span>{t(`machine.state.${state}`)}</span>
        {detail && <span className="engine-detail ellipsis">{detail}</span>}
      </a>
      {(state === 'stopped' || state === 'failed') && (
        <IconButton
          icon={state === 'failed' ? RotateCw : Play}
          label={t('machine.start')}
          onClick={start}
          busy={pending}
        />
      )}
      {(state === 'running' || state === 'degraded' || state === 'starting') && (
        <IconButton icon={Square} label={t('machine.stop')} onClick={stop} busy={pending} />
      )}
      {machine?.state === 'starting' && (
        <div className="engine-progress">
          <ProgressBar value={stepProgress(machine)} label={t('machine.state.starting')} />
        </div>
      )}
    </div>
  )
}
