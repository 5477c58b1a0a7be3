/** Patterns of a .dockerignore (https://docs.docker.com/build/concepts/context/#dockerignore-files). Pure. */

export interface IgnorePattern {
  pattern: RegExp
  /** `!` takes a path back in. */
  keep: boolean
}

export function ignorePatterns(text: string): IgnorePattern[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const keep = line.startsWith('!')
      const clean = (keep ? line.slice(1) : line)
        .trim()
        .replace(/^\/+|\/+$/g, '')
        .replace(/^(\.\/)+/, '')
      return { keep, pattern: toRegExp(clean) }
    })
}

/** A pattern also covers everything below what it names. */
function toRegExp(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/?|\*|\?|\[[^\]]*\]|\\.|[.+^${}()|[\]\\]/g, (part) => {
    if (part === '**/') return '(?:.*/)?'
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    if (part === '?') return '[^/]'
    if (part.startsWith('[')) return part.length > 1 ? part.replace(/^\[!/, '[^') : '\\['
    return part.startsWith('\\') && part.length > 1 ? part : `\\${part}`
  })
  return new RegExp(`^${source}(?:/.*)?$`)
}

/** The last pattern that matches decides. */
export function isIgnored(path: string, patterns: readonly IgnorePattern[]): boolean {
  let ignored = false
  for (const { pattern, keep } of patterns) if (pattern.test(path)) ignored = !keep
  return ignored
}
