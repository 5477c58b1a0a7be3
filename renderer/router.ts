import { Store, useStore } from './store.ts'

/** Where the window is: `/containers/web/logs` as parts. Kept in the hash, so that reload and Back work everywhere. */
export interface Route {
  readonly path: string
  readonly parts: readonly string[]
}

export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#/, '') || '/containers'
  return { path, parts: path.split('/').filter(Boolean).map(decodeURIComponent) }
}

const location$ = new Store<Route>(
  parseRoute(typeof window === 'undefined' ? '' : window.location.hash),
  (run) => run(),
)

if (typeof window !== 'undefined') {
  window.addEventListener('hashchange', () => location$.set(() => parseRoute(window.location.hash)))
}

export function href(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`
}

export function go(...parts: string[]): void {
  window.location.hash = href(...parts)
}

/** Changes a tab without adding a step to Back. */
export function replace(...parts: string[]): void {
  window.location.replace(href(...parts))
}

export function back(): void {
  window.history.back()
}

export function useRoute(): Route {
  return useStore(location$, (route) => route)
}

export function currentRoute(): Route {
  return location$.get()
}
