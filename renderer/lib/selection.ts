/** Moving and selecting in a list by keyboard and mouse. Pure. */

/** The index that a key moves to, or undefined when the key moves nothing. */
export function moveActive(key: string, active: number, length: number, page: number): number | undefined {
  if (length === 0) return undefined
  const clamp = (index: number): number => Math.max(0, Math.min(length - 1, index))
  switch (key) {
    case 'ArrowDown':
      return clamp(active + 1)
    case 'ArrowUp':
      return clamp(active - 1)
    case 'PageDown':
      return clamp(active + page)
    case 'PageUp':
      return clamp(active - page)
    case 'Home':
      return 0
    case 'End':
      return length - 1
    default:
      return undefined
  }
}

/** The selection after `key` was toggled, or after a range from `range` to `key` was drawn. */
export function nextSelection(
  keys: readonly string[],
  selection: ReadonlySet<string>,
  key: string,
  how: { toggle: true } | { range: string },
): ReadonlySet<string> {
  if ('toggle' in how) {
    const next = new Set(selection)
    if (!next.delete(key)) next.add(key)
    return next
  }
  const [a, b] = [keys.indexOf(how.range), keys.indexOf(key)].sort((x, y) => x - y) as [number, number]
  return new Set(a < 0 ? [key] : keys.slice(a, b + 1))
}
