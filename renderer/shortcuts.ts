import { isMod, isTyping } from './components/keys.tsx'
import { dialogs, showDialog } from './dialogs.ts'
import { go } from './router.ts'

/** Pages in the order of the sidebar; Ctrl/Cmd and their number go there. */
export const PAGES = ['containers', 'images', 'volumes', 'networks', 'cleanup', 'machine'] as const

/** Keys that work everywhere. Returns the removal. */
export function installShortcuts(): () => void {
  window.addEventListener('keydown', onKey)
  return () => window.removeEventListener('keydown', onKey)
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || !take(event)) return
  event.preventDefault()
}

function take(event: KeyboardEvent): boolean {
  const key = event.key.toLowerCase()
  if (isMod(event) && !event.altKey) {
    const page = PAGES[Number(key) - 1]
    if (key === 'k' && !event.shiftKey) dialogs.patch({ palette: !dialogs.get().palette })
    else if (key === ',') go('settings')
    else if (page && !dialogs.get().open) go(page)
    else return false
    return true
  }
  if (isTyping(event.target) || dialogs.get().open || dialogs.get().palette || event.altKey) return false
  if (key === '/') {
    const box = document.querySelector<HTMLInputElement>('[data-search]')
    box?.focus()
    box?.select()
    return box !== null
  }
  if (key === 'n' && !event.ctrlKey && !event.metaKey) {
    showDialog({ kind: 'run' })
    return true
  }
  return false
}
