export const MAC = typeof navigator !== 'undefined' && /mac/i.test(navigator.platform)
const NAMES: Record<string, [mac: string, other: string]> = {
  Mod: ['⌘', 'Ctrl'],
  Shift: ['⇧', 'Shift'],
  Alt: ['⌥', 'Alt'],
  Enter: ['↩', '↵'],
  Delete: ['⌫', 'Del'],
  Space: ['␣', 'Space'],
  Escape: ['esc', 'Esc'],
  Up: ['↑', '↑'],
  Down: ['↓', '↓'],
}

/** `Mod+K` as the platform writes it. */
export function Keys({ keys }: { keys: string }) {
  return (
    <span className="keys" aria-hidden>
      {keys.split('+').map((key) => (
        <kbd key={key}>{NAMES[key]?.[MAC ? 0 : 1] ?? key}</kbd>
      ))}
    </span>
  )
}

/** Whether the platform's command key is down: ⌘ on a Mac, Ctrl elsewhere. */
export function isMod(event: { metaKey: boolean; ctrlKey: boolean }): boolean {
  return MAC ? event.metaKey : event.ctrlKey
}

/** A key that the focused field needs for itself. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) ||
      target.closest('.xterm') !== null)
  )
}
