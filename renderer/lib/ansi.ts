/** Colours of a log line: SGR sequences to styled spans, every other escape dropped. Pure. */

export interface Span {
  text: string
  /** 0–15 of the palette, `#rrggbb`, or undefined for the default. */
  color?: number | string
  background?: number | string
  bold?: boolean
  dim?: boolean
  italic?: boolean
  underline?: boolean
}
type Style = Omit<Span, 'text'>

const ESCAPE =
  /\x1b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])/g
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g

/** The spans of one line; styles do not carry over to the next. */
export function parseAnsi(line: string): Span[] {
  if (!line.includes('\x1b')) return line === '' ? [] : [{ text: line.replace(CONTROL, '') }]
  const spans: Span[] = []
  let style: Style = {}
  let last = 0
  const push = (text: string): void => {
    const clean = text.replace(CONTROL, '')
    if (clean !== '') spans.push({ text: clean, ...style })
  }
  for (const match of line.matchAll(ESCAPE)) {
    push(line.slice(last, match.index))
    last = match.index + match[0].length
    if (match[2] === 'm') style = applySgr(style, match[1] ?? '')
  }
  push(line.slice(last))
  return spans
}

/** The text alone, for search and for saving. */
export function stripAnsi(line: string): string {
  return (line.includes('\x1b') ? line.replace(ESCAPE, '') : line).replace(CONTROL, '')
}

function applySgr(before: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map(Number)
  let style: Style = { ...before }
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0
    if (code === 0) style = {}
    else if (code === 1) style.bold = true
    else if (code === 2) style.dim = true
    else if (code === 3) style.italic = true
    else if (code === 4) style.underline = true
    else if (code === 22) style = without(style, 'bold', 'dim')
    else if (code === 23) style = without(style, 'italic')
    else if (code === 24) style = without(style, 'underline')
    else if (code === 39) style = without(style, 'color')
    else if (code === 49) style = without(style, 'background')
    else if (code >= 30 && code <= 37) style.color = code - 30
    else if (code >= 90 && code <= 97) style.color = code - 82
    else if (code >= 40 && code <= 47) style.background = code - 40
    else if (code >= 100 && code <= 107) style.background = code - 92
    else if (code === 38 || code === 48) {
      const [color, used] = extended(codes.slice(i + 1))
      i += used
      if (color !== undefined) style[code === 38 ? 'color' : 'background'] = color
    }
  }
  return style
}

function without(style: Style, ...keys: (keyof Style)[]): Style {
  const copy = { ...style }
  for (const key of keys) delete copy[key]
  return copy
}

function extended(codes: readonly number[]): [number | string | undefined, number] {
  if (codes[0] === 5) return [indexed(codes[1] ?? 0), 2]
  if (codes[0] === 2) return [hex(codes[1] ?? 0, codes[2] ?? 0, codes[3] ?? 0), 4]
  return [undefined, 1]
}

function indexed(index: number): number | string {
  if (index < 16) return index
  if (index >= 232) return hex(...(Array(3).fill(8 + (index - 232) * 10) as [number, number, number]))
  const level = (part: number): number => (part === 0 ? 0 : 55 + part * 40)
  const value = index - 16
  return hex(level(Math.floor(value / 36)), level(Math.floor(value / 6) % 6), level(value % 6))
}

function hex(...parts: [number, number, number]): string {
  return `#${parts.map((part) => Math.min(255, part).toString(16).padStart(2, '0')).join('')}`
}
