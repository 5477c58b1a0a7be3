import { defaultFilter } from 'cmdk'

/** More than these nobody reads; one more letter finds the rest. */
const SHOWN = 50

interface Rankable {
  label: string
  detail?: string
}

/**
 * What fits the letters, best first. Where a word begins with them counts more than any other place, a name more than
 * its detail; the rest is the command menu's own score. Pure.
 */
export function ranked<T extends Rankable>(items: readonly T[], query: string): T[] {
  const wanted = query.trim()
  if (wanted === '') return [...items]
  const scored = items.map((item) => ({ item, score: scoreOf(item, wanted) }))
  // Letters scattered over a text are a last resort.
  const least = scored.some(({ score }) => score > 1) ? 1 : 0
  return scored
    .filter(({ score }) => score > least)
    .sort((a, b) => b.score - a.score)
    .slice(0, SHOWN)
    .map(({ item }) => item)
}

/** 0 for what does not fit; each way to fit has a range of its own above those that count less. */
function scoreOf({ label, detail = '' }: Rankable, query: string): number {
  const score = defaultFilter(`${label} ${detail}`, query)
  if (score === 0) return 0
  if (begins(label, query)) return 3 + score
  if (begins(detail, query)) return 2 + score
  return includes(label, query) ? 1 + score : score
}

function includes(text: string, query: string): boolean {
  return text.toLowerCase().includes(query.toLowerCase())
}

/** Whether the text, or a word in it, begins with the query. */
function begins(text: string, query: string): boolean {
  const at = text.toLowerCase()
  const wanted = query.toLowerCase()
  for (let from = at.indexOf(wanted); from >= 0; from = at.indexOf(wanted, from + 1)) {
    if (from === 0 || /[^\p{L}\p{N}]/u.test(at[from - 1] ?? '')) return true
  }
  return false
}
