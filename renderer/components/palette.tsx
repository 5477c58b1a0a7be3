import { Command } from 'cmdk'
import {
  ArrowDownToLine,
  Box,
  Hammer,
  Layers,
  type LucideIcon,
  Network,
  Play,
  Plus,
  RotateCw,
  Square,
  Sun,
} from 'lucide-react'
import { useEffect, useState } from 'react'
import { nameOf } from '../actions.ts'
import { call } from '../api.ts'
import { dialogs, showDialog } from '../dialogs.ts'
import { useI18n } from '../i18n.ts'
import { containerMenu } from '../pages/containers/container-menu.ts'
import { imageMenu } from '../pages/images/image-actions.ts'
import { imageRows } from '../pages/images/images-view.ts'
import { machineAction } from '../pages/machine/machine-actions.ts'
import { useContainers, useImages, useNetworks } from '../queries.ts'
import { go } from '../router.ts'
import { isOnline, session } from '../session.ts'
import { PAGES } from '../shortcuts.ts'
import { useStore } from '../store.ts'
import type { MenuEntry } from './menu.tsx'
import { notifyError } from './toast.tsx'
import './palette.css'

interface Item {
  key: string
  label: string
  icon: LucideIcon | undefined
  detail?: string
  /** Runs, or opens the actions of an object. */
  run: (() => void) | { title: string; entries: readonly MenuEntry[] }
}

function close(): void {
  dialogs.patch({ palette: false })
}

/** Every action and every object, found by typing. Enter on an object lists what can be done to it. */
export function Palette() {
  const { t } = useI18n()
  const [within, setWithin] = useState<{ title: string; entries: readonly MenuEntry[] } | undefined>(
    undefined,
  )
  const [query, setQuery] = useState('')
  const actions = useActions()
  const objects = useObjects()
  const choose = (item: Item): void => {
    if (typeof item.run !== 'function') {
      setWithin(item.run)
      setQuery('')
      return
    }
    close()
    item.run()
  }
  useEffect(() => {
    const before = document.activeElement
    return () => {
      if (before instanceof HTMLElement && document.contains(before)) before.focus()
    }
  }, [])
  const inner: Item[] = (within?.entries ?? []).flatMap((entry, index) =>
    entry === 'separator' || entry.disabled
      ? []
      : [{ key: `${index}`, label: entry.label, icon: entry.icon, run: entry.run }],
  )
  return (
    <Command.Dialog
      open
      onOpenChange={(open) => !open && close()}
      label={t('palette.label')}
      overlayClassName="scrim"
      contentClassName="palette"
      onKeyDown={(event) => {
        if (within && ((event.key === 'Backspace' && query === '') || event.key === 'Escape')) {
          event.preventDefault()
          setWithin(undefined)
        }
      }}
    >
      <div className="palette-head">
        {within && <span className="palette-within">{within.title}</span>}
        <Command.Input
          className="palette-input"
          placeholder={t('palette.placeholder')}
          value={query}
          onValueChange={setQuery}
          autoFocus
        />
      </div>
      <Command.List className="palette-list" label={t('palette.label')}>
        <Command.Empty className="palette-empty">{t('palette.empty')}</Command.Empty>
        {within ? (
          inner.map((item) => <Entry key={item.key} item={item} onChoose={choose} />)
        ) : (
          <>
            <Command.Group heading={t('palette.actions')}>
              {actions.map((item) => (
                <Entry key={item.key} item={item} onChoose={choose} />
              ))}
            </Command.Group>
            {query !== '' && objects.length > 0 && (
              <Command.Group heading={t('palette.objects')}>
                {objects.map((item) => (
                  <Entry key={item.key} item={item} onChoose={choose} />
                ))}
              </Command.Group>
            )}
          </>
        )}
      </Command.List>
    </Command.Dialog>
  )
}

function Entry({ item, onChoose }: { item: Item; onChoose: (item: Item) => void }) {
  const { icon: Icon } = item
  return (
    <Command.Item
      className="palette-item"
      value={`${item.label} ${item.detail ?? ''} ${item.key}`}
      onSelect={() => onChoose(item)}
    >
      <span className="menu-icon">{Icon && <Icon size={14} strokeWidth={1.9} aria-hidden />}</span>
      <span className="ellipsis">{item.label}</span>
      {item.detail && <span className="faint ellipsis palette-detail">{item.detail}</span>}
    </Command.Item>
  )
}

function useActions(): Item[] {
  const { t } = useI18n()
  const online = useStore(session, (state) => isOnline(state.machine))
  const setTheme = (theme: 'light' | 'dark') => () => {
    call('settings.set', [{ theme }]).then(
      (settings) => session.patch({ settings }),
      (error: unknown) => notifyError(t('settings.failed'), error),
    )
  }
  const engine: Item[] = online
    ? [
        { key: 'run', label: t('containers.runImage'), icon: Plus, run: () => showDialog({ kind: 'run' }) },
        {
          key: 'pull',
          label: t('images.pullTitle'),
          icon: ArrowDownToLine,
          run: () => showDialog({ kind: 'pull' }),
        },
        { key: 'build', label: t('build.title'), icon: Hammer, run: () => showDialog({ kind: 'build' }) },
        {
          key: 'network',
          label: t('networks.createTitle'),
          icon: Network,
          run: () => showDialog({ kind: 'network' }),
        },
        { key: 'stop', label: t('machine.stop'), icon: Square, run: () => void machineAction('stop') },
        {
          key: 'restart',
          label: t('machine.restart'),
          icon: RotateCw,
          run: () => void machineAction('restart'),
        },
      ]
    : [{ key: 'start', label: t('machine.start'), icon: Play, run: () => void machineAction('start') }]
  return [
    ...engine,
    ...[...PAGES, 'settings' as const, 'welcome' as const].map(
      (page): Item => ({
        key: `go-${page}`,
        label: t('palette.goTo', { page: t(`nav.${page}`) }),
        icon: undefined,
        run: () => go(page),
      }),
    ),
    { key: 'light', label: t('palette.light'), icon: Sun, run: setTheme('light') },
    { key: 'dark', label: t('palette.dark'), icon: Sun, run: setTheme('dark') },
  ]
}

function useObjects(): Item[] {
  const { t } = useI18n()
  const containers = useContainers()
  const images = useImages()
  const networks = useNetworks()
  const list = 'data' in containers ? (containers.data ?? []) : []
  const rows =
    'data' in images
      ? imageRows(images.data ?? [], [], {
          query: '',
          filter: 'all',
          sort: { by: 'name', descending: false },
        })
      : []
  return [
    ...list.map((one): Item => {
      const title = nameOf(one)
      const entries = [
        { label: t('common.open'), run: () => go('containers', one.Id, 'logs') },
        ...containerMenu([one]),
      ]
      return { key: one.Id, label: title, icon: Box, detail: one.Image, run: { title, entries } }
    }),
    ...rows
      .filter((row) => row.tag !== '')
      .map(
        (row): Item => ({
          key: row.key,
          label: row.tag,
          icon: Layers,
          run: { title: row.tag, entries: imageMenu([row]) },
        }),
      ),
    ...('data' in networks ? (networks.data ?? []) : []).map(
      (one): Item => ({
        key: one.Id,
        label: one.Name,
        icon: Network,
        detail: t('nav.networks'),
        run: () => go('networks', one.Name),
      }),
    ),
  ]
}
