/** Splitting the argument of a Dockerfile instruction, as moby's parser does. Pure. */
import { EngineError } from '../../api/errors.ts'

/** The exec form `["a", "b"]`; undefined for anything else, which then is the shell form. */
export function jsonForm(text: string): string[] | undefined {
  const trimmed = text.trim()
  if (!trimmed.startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(trimmed)
    return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined
  } catch {
    return undefined
  }
}

/** Words at blanks outside quotes; quotes and escapes stay in the words. */
export function rawWords(text: string): string[] {
  const list: string[] = []
  let word = ''
  let quote = ''
  let inWord = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? ''
    if (quote === '' && /\s/.test(char)) {
      if (inWord) list.push(word)
      word = ''
      inWord = false
      continue
    }
    inWord = true
    word += char
    if (char === '\\' && quote !== "'" && i + 1 < text.length) word += text[++i]
    else if (quote === '' && (char === '"' || char === "'")) quote = char
    else if (char === quote) quote = ''
  }
  if (inWord) list.push(word)
  return list
}

/** Words with quotes and escapes taken away. */
export function words(text: string): string[] {
  return rawWords(text).map(unquote)
}

/** One word without its quotes and escapes. */
export function unquote(word: string): string {
  let result = ''
  let quote = ''
  for (let i = 0; i < word.length; i++) {
    const char = word[i] ?? ''
    if (char === '\\' && quote !== "'" && i + 1 < word.length) {
      const next = word[++i] ?? ''
      result += quote === '"' && !'"\\$'.includes(next) ? char + next : next
    } else if (quote === '' && (char === '"' || char === "'")) quote = char
    else if (char === quote) quote = ''
    else result += char
  }
  return result
}

/**
 * `k=v k2="v 2"`, or the old `k rest of the line`. `expand` gets the raw word and answers it expanded and unquoted or
 * still quoted: variables inside single quotes are its business.
 */
export function keyValues(
  keyword: string,
  text: string,
  expand: (text: string) => string,
): [string, string][] {
  const list = rawWords(text)
  const first = list[0]
  if (first === undefined)
    throw new EngineError('invalid_argument', `${keyword} requires at least one argument`)
  if (!first.includes('=')) {
    const value = text.slice(text.indexOf(first) + first.length).trim()
    if (value === '') throw new EngineError('invalid_argument', `${keyword} must have two arguments`)
    return [[unquote(expand(first)), unquote(expand(value))]]
  }
  return list.map((word) => {
    const equals = word.indexOf('=')
    if (equals <= 0) {
      throw new EngineError(
        'invalid_argument',
        `Syntax error - can't find = in "${word}". Must be of the form: name=value`,
      )
    }
    return [unquote(expand(word.slice(0, equals))), unquote(expand(word.slice(equals + 1)))]
  })
}
