import { ArrowDown, ArrowUp, Bug, ChevronDown, Plus, Search, SquareTerminal, Unplug, X } from 'lucide-react'
import { lazy, Suspense, useEffect, useState } from 'react'
import type { ContainerInspect } from '../../../vm/api/containers.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { TextInput } from '../../components/field.tsx'
import { MAC } from '../../components/keys.tsx'
import { type MenuEntry, openMenu } from '../../components/menu.tsx'
import { Blank, Loading } from '../../components/states.tsx'
import type { Hits } from '../../components/terminal.tsx'
import { showDialog } from '../../dialogs.ts'
import { count } from '../../format.ts'
import { t, useI18n } from '../../i18n.ts'
import { useStore } from '../../store.ts'
import {
  closeTerminal,
  findIn,
  openTerminal,
  showTerminal,
  type TerminalTab,
  terminals,
} from '../../terminals.ts'
import { openShell } from './exec-dialog.tsx'

const load = () => import('../../components/terminal.tsx')
const Terminal = lazy(() => load().then((module) => ({ default: module.Terminal })))

/** For what has no shell of its own. */
function openDebug(id: string): void {
  openTerminal(id, t('terminal.debugTitle'), { kind: 'debug', container: id })
}

function choices(container: ContainerInspect): MenuEntry[] {
  const { Id } = container
  return [
    { label: t('terminal.shell'), icon: SquareTerminal, run: () => openShell(Id) },
    { label: t('terminal.rootShell'), icon: SquareTerminal, run: () => openShell(Id, { user: 'root' }) },
    {
      label: t('terminal.commandDots'),
      icon: SquareTerminal,
      run: () => showDialog({ kind: 'exec', container: Id, user: container.Config.User ?? '' }),
    },
    'separator',
    {
      label: t('terminal.attach'),
      icon: SquareTerminal,
      run: () => openTerminal(Id, t('terminal.main'), { kind: 'attach', container: Id }),
    },
    {
      label: t('terminal.debug'),
      icon: Bug,
      run: () => openDebug(Id),
    },
  ]
}

export function TerminalTabs({ container }: { container: ContainerInspect }) {
  const { t } = useI18n()
  const { Id } = container
  const running = container.State.Running
  const own = useStore(terminals, ({ tabs }) => tabs)
  const tabs = own.filter((tab) => tab.owner === Id)
  // A shell is what one comes here for: the first visit opens it by itself.
  useEffect(() => {
    const has = terminals.get().tabs.some((tab) => tab.owner === Id)
    if (running && !has) {
      if (container.Config.Tty && container.Config.OpenStdin && container.Path)
        openTerminal(Id, t('terminal.main'), { kind: 'attach', container: Id })
      else openShell(Id)
    }
  }, [Id, running, container, t])
  if (tabs.length === 0) {
    return running ? (
      <Blank icon={SquareTerminal} title={t('terminal.none')}>
        <Button kind="primary" icon={SquareTerminal} onClick={() => openShell(Id)}>
          {t('terminal.shell')}
        </Button>
        <Button icon={ChevronDown} onClick={(event) => openMenu(choices(container), event.currentTarget)}>
          {t('terminal.newKind')}
        </Button>
      </Blank>
    ) : (
      <Blank icon={SquareTerminal} title={t('terminal.notRunning')} text={t('terminal.notRunningText')} />
    )
  }
  return (
    <TerminalPane owner={Id} tabs={tabs}>
      {running && (
        <>
          <IconButton icon={Plus} label={t('terminal.new')} onClick={() => openShell(Id)} />
          <IconButton
            icon={ChevronDown}
            label={t('terminal.newKind')}
            onClick={(event) => openMenu(choices(container), event.currentTarget)}
          />
        </>
      )}
    </TerminalPane>
  )
}

interface TerminalPaneProps {
  owner: string
  tabs: readonly TerminalTab[]
  children?: React.ReactNode
}

/** Tabs over one screen; `children` are the buttons that open more. */
export function TerminalPane({ owner, tabs, children }: TerminalPaneProps) {
  const { t } = useI18n()
  const searching = useStore(terminals, ({ finding }) => finding === owner)
  const activeId = useStore(terminals, ({ active }) => active[owner])
  const shown = tabs.find((tab) => tab.id === activeId) ?? tabs.at(-1)
  return (
    <div className="terminals">
      <div className="terminal-tabs" role="toolbar" aria-label={t('detail.terminal')}>
        {tabs.map((tab) => (
          <span key={tab.id} className="terminal-tab" data-current={tab === shown ? '' : undefined}>
            <button type="button" aria-pressed={tab === shown} onClick={() => showTerminal(owner, tab.id)}>
              <span className={tab.state === 'running' ? 'ellipsis' : 'ellipsis terminal-over'}>
                {tab.title}
              </span>
            </button>
            <button
              type="button"
              className="terminal-close"
              aria-label={t('terminal.close', { name: tab.title })}
              onClick={() => closeTerminal(tab.id)}
            >
              <X size={12} aria-hidden />
            </button>
          </span>
        ))}
        {children}
        {shown?.target.kind === 'attach' && shown.state === 'running' && (
          <IconButton icon={Unplug} label={t('terminal.detach')} onClick={() => closeTerminal(shown.id)} />
        )}
        <span className="grow" />
        {searching && shown ? (
          <TerminalSearch key={shown.id} id={shown.id} onClose={() => findIn(owner, false)} />
        ) : (
          <IconButton
            icon={Search}
            label={t('terminal.search')}
            shortcut={MAC ? 'Mod+F' : 'Mod+Shift+F'}
            onClick={() => findIn(owner, true)}
          />
        )}
      </div>
      {shown && (
        <Suspense fallback={<Loading rows={1} />}>
          <Terminal key={shown.id} tab={shown} />
        </Suspense>
      )}
      {shown && shown.state !== 'running' && (
        <div className="terminal-ended">
          {shown.state === 'failed' && shown.target.kind === 'exec' && (
            <Button icon={Bug} onClick={() => openDebug(owner)}>
              {t('terminal.debug')}
            </Button>
          )}
          <Button
            onClick={() => {
              closeTerminal(shown.id)
              openTerminal(owner, shown.title, shown.target)
            }}
          >
            {t('terminal.again')}
          </Button>
        </div>
      )}
    </div>
  )
}

function TerminalSearch({ id, onClose }: { id: string; onClose: () => void }) {
  const { t, locale } = useI18n()
  const [text, setText] = useState('')
  const [hits, setHits] = useState<Hits | undefined>(undefined)
  useEffect(() => {
    let end: (() => void) | undefined
    void load().then((module) => {
      end ??= module.watchHits(id, setHits)
    })
    return () => {
      end?.()
      end = () => undefined
    }
  }, [id])
  const find = (wanted: string, go: 'nearest' | 'next' | 'back'): void => {
    void load().then((module) => module.findInTerminal(id, wanted, go))
  }
  const close = (): void => {
    onClose()
    void load().then((module) => module.focusTerminal(id))
  }
  return (
    <span className="terminal-search">
      <TextInput
        autoFocus
        aria-label={t('terminal.search')}
        placeholder={t('terminal.search')}
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          find(event.target.value, 'nearest')
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') find(text, event.shiftKey ? 'next' : 'back')
          if (event.key === 'Escape') close()
        }}
      />
      {text !== '' && (
        <span className="log-matches num" aria-live="polite">
          {hits === undefined || hits.count === 0
            ? t('logs.noMatch')
            : t('logs.matches', {
                current: hits.index < 0 ? '…' : count(hits.count - hits.index, locale),
                total: count(hits.count, locale),
              })}
        </span>
      )}
      <IconButton
        icon={ArrowUp}
        label={t('logs.previous')}
        shortcut="Enter"
        onClick={() => find(text, 'back')}
      />
      <IconButton
        icon={ArrowDown}
        label={t('logs.next')}
        shortcut="Shift+Enter"
        onClick={() => find(text, 'next')}
      />
      <IconButton icon={X} label={t('terminal.searchClose')} shortcut="Escape" onClick={close} />
    </span>
  )
}
