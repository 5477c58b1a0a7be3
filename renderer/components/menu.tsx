import { Menu } from '@base-ui/react/menu'
import { Check, type LucideIcon } from 'lucide-react'
import { useRef } from 'react'
import { dialogs } from '../dialogs.ts'
import { Store, useStore } from '../store.ts'
import { Keys } from './keys.tsx'
import './menu.css'

export type MenuEntry =
  | {
      label: string
      icon?: LucideIcon
      shortcut?: string
      danger?: boolean
      disabled?: boolean
      /** A switch: the menu stays open. */
      checked?: boolean
      run: () => void
    }
  | 'separator'

interface OpenMenu {
  entries: readonly MenuEntry[]
  anchor: { getBoundingClientRect(): DOMRect }
  focus: HTMLElement | null
  align: 'start' | 'end'
}

const menu = new Store<OpenMenu | undefined>(undefined, (run) => run())

/** Opens the window's one menu at an element (a "more" button) or at a point (a right click). */
export function openMenu(entries: readonly MenuEntry[], at: Element | { x: number; y: number }): void {
  const anchor = at instanceof Element ? at : { getBoundingClientRect: () => new DOMRect(at.x, at.y, 0, 0) }
  const focus = document.activeElement instanceof HTMLElement ? document.activeElement : null
  menu.set(() => ({ entries, anchor, focus, align: at instanceof Element ? 'end' : 'start' }))
}

export function MenuHost() {
  const current = useStore(menu, (state) => state)
  const last = useRef<OpenMenu | undefined>(undefined)
  if (current) last.current = current
  const shown = current ?? last.current
  if (!shown) return null
  return (
    <Menu.Root
      open={current !== undefined}
      onOpenChange={(open) => !open && menu.set(() => undefined)}
      modal={false}
    >
      <Menu.Portal>
        <Menu.Positioner
          className="menu-positioner"
          anchor={shown.anchor}
          align={shown.align}
          sideOffset={4}
          // At a point it moves up as far as it must: all of it is to be seen, wherever one clicked.
          collisionAvoidance={shown.align === 'start' ? { side: 'shift', align: 'shift' } : { side: 'flip' }}
        >
          <Menu.Popup className="menu" finalFocus={() => (dialogs.get().open ? false : shown.focus)}>
            {shown.entries.map((entry, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: entries of one menu never move
              <Entry key={index} entry={entry} />
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}

function Entry({ entry }: { entry: MenuEntry }) {
  if (entry === 'separator') return <Menu.Separator className="menu-separator" />
  const { icon: Icon, shortcut } = entry
  if (entry.checked !== undefined) {
    return (
      <Menu.CheckboxItem
        className="menu-item"
        defaultChecked={entry.checked}
        closeOnClick={false}
        onCheckedChange={entry.run}
      >
        <span className="menu-icon">
          <Menu.CheckboxItemIndicator>
            <Check size={13} aria-hidden />
          </Menu.CheckboxItemIndicator>
        </span>
        <span className="grow">{entry.label}</span>
      </Menu.CheckboxItem>
    )
  }
  return (
    <Menu.Item
      className={entry.danger ? 'menu-item menu-danger' : 'menu-item'}
      disabled={entry.disabled ?? false}
      onClick={() => {
        menu.set(() => undefined)
        // A dialog that opens while the menu still closes would fight with it over the focus.
        setTimeout(entry.run, 0)
      }}
    >
      <span className="menu-icon">{Icon && <Icon size={14} strokeWidth={1.9} aria-hidden />}</span>
      <span className="grow">{entry.label}</span>
      {shortcut && <Keys keys={shortcut} />}
    </Menu.Item>
  )
}
