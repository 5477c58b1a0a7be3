import type { TerminalTarget } from '../app/contract.ts'
import { Store } from './store.ts'

type Sized<T> = T extends { size: unknown } ? Omit<T, 'size'> : never
/** What a terminal runs; its size is known only once it is on screen. */
export type TerminalRequest = Sized<TerminalTarget>

/** The best shell that a container has, so that one click is enough. */
export const SHELL = ['/bin/sh', '-c', 'if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi']

export interface TerminalTab {
  readonly id: string
  /** Container id, or `vm`. */
  readonly owner: string
  readonly title: string
  readonly target: TerminalRequest
  /** A shell that nobody got to use has failed too: there is none. */
  readonly state: 'running' | 'ended' | 'failed'
}

interface Terminals {
  tabs: readonly TerminalTab[]
  /** The tab on top, per owner. */
  active: Readonly<Record<string, string>>
  /** The owner whose terminals are being searched. */
  finding?: string | undefined
}

/** Terminals live until they are closed, whatever page is shown. */
export const terminals = new Store<Terminals>({ tabs: [], active: {} }, (run) => run())

export function openTerminal(owner: string, title: string, target: TerminalRequest): string {
  const id = crypto.randomUUID()
  terminals.set((all) => ({
    ...all,
    tabs: [...all.tabs, { id, owner, title, target, state: 'running' }],
    active: { ...all.active, [owner]: id },
  }))
  return id
}

/** Opens the search over an owner's terminals, or closes it. */
export function findIn(owner: string, open: boolean): void {
  terminals.patch({ finding: open ? owner : undefined })
}

export function showTerminal(owner: string, id: string): void {
  terminals.set((state) => ({ ...state, active: { ...state.active, [owner]: id } }))
}

/** Closes the tab and ends what runs in it. */
export function closeTerminal(id: string): void {
  terminals.set((state) => {
    const { tabs, active } = state
    const closed = tabs.find((tab) => tab.id === id)
    if (!closed) return state
    const rest = tabs.filter((tab) => tab.id !== id)
    const next = rest.findLast((tab) => tab.owner === closed.owner)
    const { [closed.owner]: before = '', ...others } = active
    const top = before === id ? next?.id : before
    return { ...state, tabs: rest, active: top ? { ...others, [closed.owner]: top } : others }
  })
}

export function setTerminalState(id: string, state: TerminalTab['state']): void {
  terminals.set((all) => ({ ...all, tabs: all.tabs.map((tab) => (tab.id === id ? { ...tab, state } : tab)) }))
}
