/** A JSON value as the rows of a tree. Pure. */

export interface JsonRow {
  path: string
  name: string
  depth: number
  type: 'string' | 'number' | 'boolean' | 'null' | 'object'
  /** The value of a leaf, as JSON writes it (strings without quotes). */
  text?: string
  /** What the copy button copies. */
  copy: string
  /** Entries of an object or array. */
  children: number
  open: boolean
}

interface Options {
  /** Keeps only rows whose name or value contains it, and what leads to them. */
  query: string
  closed: ReadonlySet<string>
}

export function flattenJson(value: unknown, { query, closed }: Options): JsonRow[] {
  const wanted = query.toLowerCase()
  const walk = (entries: [string, unknown][], parent: string, depth: number): JsonRow[] =>
    entries.flatMap(([name, item]) => {
      const path = `${parent}/${name}`
      const row = toRow(name, item, path, depth)
      const hit =
        wanted === '' || name.toLowerCase().includes(wanted) || row.text?.toLowerCase().includes(wanted)
      if (row.text !== undefined) return hit ? [row] : []
      const kept = walk(Object.entries(item as object), path, depth + 1)
      const below =
        wanted !== '' && hit && kept.length === 0
          ? flattenJson(item, { query: '', closed }).map((child) => ({
              ...child,
              path: `${path}${child.path}`,
              depth: child.depth + depth + 1,
            }))
          : kept
      if (!hit && below.length === 0) return []
      row.open = wanted !== '' || !closed.has(path)
      return row.open ? [row, ...below] : [row]
    })
  return typeof value === 'object' && value !== null ? walk(Object.entries(value), '', 0) : []
}

function toRow(name: string, value: unknown, path: string, depth: number): JsonRow {
  const base = { path, name, depth, open: false }
  if (typeof value === 'object' && value !== null) {
    const children = Object.keys(value).length
    const copy = JSON.stringify(value, null, 2)
    if (children > 0) return { ...base, type: 'object', copy, children }
    return { ...base, type: 'null', text: Array.isArray(value) ? '[]' : '{}', copy, children: 0 }
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const type = value === null ? 'null' : (typeof value as 'string' | 'number' | 'boolean')
  return { ...base, type, text: text === '' ? '""' : text, copy: text, children: 0 }
}
