/** Variables in Dockerfile words: `$V`, `${V}`, `${V:-word}`, `${V:+word}`, `${V:?word}`; none in single quotes. Pure. */
import { EngineError } from '../../api/errors.ts'
import { applyPattern } from './expand-pattern.ts'

export type Variables = ReadonlyMap<string, string>

/**
 * The text with its variables replaced; quotes and escapes stay, as splitting into words comes later. `plain`: quotes
 * mean nothing (here-documents).
 */
export function expandVariables(
  text: string,
  variables: Variables,
  escapeChar = '\\',
  options: { plain?: boolean } = {},
): string {
  let result = ''
  let single = false
  for (let i = 0; i < text.length; ) {
    const char = text[i] ?? ''
    if (char === "'" && !options.plain) single = !single
    if (char === escapeChar && !single && i + 1 < text.length) {
      // An escaped dollar is just a dollar; other escapes are for the word splitter.
      result += text[i + 1] === '$' ? '$' : `${options.plain ? char : '\\'}${text[i + 1]}`
      i += 2
    } else if (char === '$' && !single) {
      const { value, next } = variableAt(text, i, variables, escapeChar)
      result += value
      i = next
    } else {
      result += char
      i++
    }
  }
  return result
}

function variableAt(
  text: string,
  start: number,
  variables: Variables,
  escapeChar: string,
): { value: string; next: number } {
  if (text[start + 1] !== '{') {
    const name = /^(?:[A-Za-z_]\w*|\d)/.exec(text.slice(start + 1))?.[0]
    if (name === undefined) return { value: '$', next: start + 1 }
    return { value: variables.get(name) ?? '', next: start + 1 + name.length }
  }
  const end = closingBrace(text, start + 2)
  const inner = text.slice(start + 2, end)
  const match = /^(\w+)(?:(:?[-+?]|##?|%%?|\/\/?)([\s\S]*))?$/.exec(inner)
  if (!match)
    throw new EngineError(
      'invalid_argument',
      `failed to process "${text}": unsupported modifier in substitution`,
    )
  const [, name = '', operator, word = ''] = match
  const value = variables.get(name)
  const isSet = operator?.startsWith(':') ? value !== undefined && value !== '' : value !== undefined
  const other = () => expandVariables(word, variables, escapeChar)
  const next = end + 1
  if (operator?.endsWith('-')) return { value: isSet ? (value ?? '') : other(), next }
  if (operator?.endsWith('+')) return { value: isSet ? other() : '', next }
  if (operator?.endsWith('?') && !isSet) {
    throw new EngineError(
      'invalid_argument',
      `failed to process "${text}": ${name}: ${other() || 'not allowed to be unset'}`,
    )
  }
  const cut = operator && value !== undefined ? applyPattern(value, operator, other()) : undefined
  return { value: cut ?? value ?? '', next }
}

function closingBrace(text: string, from: number): number {
  let depth = 1
  for (let i = from; i < text.length; i++) {
    if (text[i] === '{') depth++
    if (text[i] === '}' && --depth === 0) return i
  }
  throw new EngineError('invalid_argument', `failed to process "${text}": syntax error: missing '}'`)
}
