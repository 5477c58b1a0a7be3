/** POSIX shell words, as far as a pasted command line needs them. Pure. */

/** Splits as a shell would: quotes, backslashes, line continuations; no expansion. Throws on an open quote. */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let i = 0; i < line.length; i++) {
    const char = line[i] ?? ''
    if (quote === "'") {
      if (char === "'") quote = ''
      else word += char
    } else if (char === '\\' && (quote === '' || /["\\$`\n]/.test(line[i + 1] ?? ''))) {
      const next = line[++i] ?? ''
      if (next === '\r' && line[i + 1] === '\n') i++
      else if (next !== '\n') word = (word ?? '') + next
    } else if (quote === '"') {
      if (char === '"') quote = ''
      else word += char
    } else if (char === '"' || char === "'") {
      quote = char
      word ??= ''
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (quote !== '') throw new SyntaxError(`unclosed ${quote}`)
  if (word !== undefined) words.push(word)
  return words
}

/** Where a shell would end the first command of a line: its text, and the operator with what follows. */
export function firstCommand(line: string): { command: string; rest: string } {
  let quote = ''
  for (let i = 0; i < line.length; i++) {
    const char = line[i] ?? ''
    if (char === '\\' && quote !== "'") i++
    else if (quote !== '') quote = char === quote ? '' : quote
    else if (char === '"' || char === "'") quote = char
    else if (/^(\s(&&|\|\|?|&|[12]?>>?|<)|;)(\s|$)/.test(line.slice(i, i + 5)))
      return { command: line.slice(0, i), rest: line.slice(i).trim() }
  }
  return { command: line, rest: '' }
}

/** One word so that a shell reads it back unchanged. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

export function joinWords(words: readonly string[]): string {
  return words.map(quoteWord).join(' ')
}
