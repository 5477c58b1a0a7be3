import { Bug, ChevronDown, Plus, Search, SquareTerminal, Unplug, X } from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import type { ContainerInspect } from '../../../vm/api/containers.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { TextInput } from '../../components/field.tsx'
import { type MenuEntry, openMenu } from '../../components/menu.tsx'
import { Blank, Loading } from '../../components/states.tsx'
import { showDialog } from '../../dialogs.ts'
import { t, useI18n } from '../../i18n.ts'
import { splitWords } from '../../lib/shell-words.ts'
import { useStore } from '../../store.ts'
import { closeTerminal, openTerminal, showTerminal, type TerminalTab, terminals } from '../../terminals.ts'

const load = () => import('../../components/terminal.tsx')
const Terminal = lazy(() => load().then((module) => ({ default: module.Terminal })))

/** The best shell that the container has, so that one click is enough. */
const SHELL = ['/bin/sh', '-c', 'if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi']

function openShell(id: string, user?: string): void {
  openTerminal(id, user ? `sh · ${user}` : 'sh', {
    kind: 'exec',
    container: id,
    command: SHELL,
    ...(user && { user }),
  })
}

function choices(container: ContainerInspect): MenuEntry[] {
  const { Id } = container
  return [
    { label: t('terminal.shell'), icon: SquareTerminal, run: () => openShell(Id) },
    { label: t('terminal.rootShell'), icon: SquareTerminal, run: () => openShell(Id, 'root') },
    {
      label: t('terminal.commandDots'),
      icon: SquareTerminal,
      run: () =>
        showDialog({
          kind: 'prompt',
          title: t('terminal.commandTitle'),
          label: t('run.command'),
          value: '',
          action: t('common.open'),
          run: async (line) => {
            openTerminal(Id, line, { kind: 'exec', container: Id, command: splitWords(line) })
          },
        }),
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
      run: () => openTerminal(Id, t('terminal.debugTitle'), { kind: 'debug', container: Id }),
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
  const [searching, setSearching] = useState(false)
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
        {searching && shown && <TerminalSearch id={shown.id} onClose={() => setSearching(false)} />}
        <IconButton
          icon={Search}
          label={t('terminal.search')}
          pressed={searching}
          onClick={() => setSearching(!searching)}
        />
      </div>
      {shown && (
        <Suspense fallback={<Loading rows={1} />}>
          <Terminal key={shown.id} tab={shown} />
        </Suspense>
      )}
      {shown && shown.state !== 'running' && (
        <div className="terminal-ended">
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
  const { t } = useI18n()
  const box = useRef<HTMLInputElement>(null)
  useEffect(() => box.current?.focus(), [])
  const find = (back: boolean): void => {
    const text = box.current?.value ?? ''
    void load().then((module) => module.findInTerminal(id, text, back))
  }
  return (
    <span className="terminal-search">
      <TextInput
        ref={box}
        aria-label={t('terminal.search')}
        placeholder={t('terminal.search')}
        onKeyDown={(event) => {
          if (event.key === 'Enter') find(!event.shiftKey)
          if (event.key === 'Escape') onClose()
        }}
      />
    </span>
  )
}
