import { Command } from 'cmdk'
import { useEffect, useState } from 'react'
import { dialogs } from '../dialogs.ts'
import { useI18n } from '../i18n.ts'
import { Keys } from './keys.tsx'
import type { MenuEntry } from './menu.tsx'
import { type PaletteItem as Item, useActions, useObjects } from './palette-items.ts'
import { ranked } from './palette-rank.ts'
import './palette.css'

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
      : [
          {
            key: `${index}`,
            label: entry.label,
            icon: entry.icon,
            run: entry.run,
            ...(entry.shortcut && { shortcut: entry.shortcut }),
          },
        ],
  )
  return (
    <Command.Dialog
      open
      shouldFilter={false}
      vimBindings={false}
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
        {within || query.trim() !== '' ? (
          ranked(within ? inner : [...objects, ...actions], query).map((item) => (
            <Entry key={item.key} item={item} onChoose={choose} />
          ))
        ) : (
          <Command.Group heading={t('palette.actions')}>
            {actions.map((item) => (
              <Entry key={item.key} item={item} onChoose={choose} />
            ))}
          </Command.Group>
        )}
      </Command.List>
    </Command.Dialog>
  )
}

function Entry({ item, onChoose }: { item: Item; onChoose: (item: Item) => void }) {
  const { icon: Icon } = item
  return (
    <Command.Item className="palette-item" value={item.key} onSelect={() => onChoose(item)}>
      <span className="menu-icon">{Icon && <Icon size={14} strokeWidth={1.9} aria-hidden />}</span>
      <span className="ellipsis">{item.label}</span>
      {(item.detail ?? item.kind) && (
        <span className="faint ellipsis palette-detail">{item.detail ?? item.kind}</span>
      )}
      {item.shortcut && (
        <span className="palette-keys">
          <Keys keys={item.shortcut} />
        </span>
      )}
    </Command.Item>
  )
}
