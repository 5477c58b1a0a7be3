import type { TerminalTarget } from '../app/contract.ts'
import { Store } from './store.ts'

type Sized<T> = T extends { size: unknown } ? Omit<T, 'size'> : never
/** What a terminal runs; its size is known only once it is on screen. */
export type TerminalRequest = Sized<TerminalTarget>

export interface TerminalTab {
  readonly id: string
  /** Container id, or `vm`. */
  readonly owner: string
  readonly title: string
  readonly target: TerminalRequest
  readonly state: 'running' | 'ended' | 'failed'
}

interface Terminals {
  tabs: readonly TerminalTab[]
  /** The tab on top, per owner. */
  active: Readonly<Record<string, string>>
}

/** Terminals live until they are closed, whatever page is shown. */
export const terminals = new Store<Terminals>({ tabs: [], active: {} }, (run) => run())

export function openTerminal(owner: string, title: string, target: TerminalRequest): string {
  const id = crypto.randomUUID()
  terminals.set(({ tabs, active }) => ({
    tabs: [...tabs, { id, owner, title, target, state: 'running' }],
    active: { ...active, [owner]: id },
  }))
  return id
}

export function showTerminal(owner: string, id: string): void {
  terminals.set((state) => ({ ...state, active: { ...state.active, [owner]: id } }))
}

/** Closes the tab and ends what runs in it. */
export function closeTerminal(id: string): void {
  terminals.set(({ tabs, active }) => {
    const closed = tabs.find((tab) => tab.id === id)
    if (!closed) return { tabs, active }
    const rest = tabs.filter((tab) => tab.id !== id)
    const next = rest.findLast((tab) => tab.owner === closed.owner)
    const { [closed.owner]: before = '', ...others } = active
    const top = before === id ? next?.id : before
    return { tabs: rest, active: top ? { ...others, [closed.owner]: top } : others }
  })
}

export function setTerminalState(id: string, state: TerminalTab['state']): void {
  terminals.set((all) => ({ ...all, tabs: all.tabs.map((tab) => (tab.id === id ? { ...tab, state } : tab)) }))
}
