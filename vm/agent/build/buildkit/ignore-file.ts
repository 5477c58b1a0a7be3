/** `.dockerignore` as the patterns that the client is asked to leave out. Pure. */

/** One pattern a line, in Go's words: clean, without a leading slash; `!` in front stays. */
export function ignorePatterns(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((line) => {
      if (line.startsWith('#')) return []
      const pattern = line.trim()
      if (pattern === '') return []
      const negated = pattern.startsWith('!')
      const path = clean(negated ? pattern.slice(1).trim() : pattern)
      return path === '' ? [] : negated ? `!${path}` : path
    })
}

function clean(pattern: string): string {
  const parts: string[] = []
  for (const part of pattern.split('/')) {
    if (part === '..' && parts.length > 0) parts.pop()
    else if (part !== '' && part !== '.' && part !== '..') parts.push(part)
  }
  return parts.length === 0 && pattern !== '' ? '.' : parts.join('/')
}
