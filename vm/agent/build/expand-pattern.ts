/** `${V#pattern}`, `${V##pattern}`, `${V%pattern}`, `${V%%pattern}`, `${V/pattern/text}`, `${V//pattern/text}`. Pure. */

/** The value with what the pattern matches taken away or replaced; undefined for an operator that is none of them. */
export function applyPattern(value: string, operator: string, word: string): string | undefined {
  switch (operator) {
    case '#':
    case '##':
      return value.replace(new RegExp(`^(?:${source(word, operator === '##')})`, 's'), '')
    case '%':
    case '%%':
      return withoutSuffix(value, word, operator === '%%')
    case '/':
    case '//': {
      const slash = /^((?:\\.|[^/\\])*)\/([\s\S]*)$/.exec(word)
      const pattern = new RegExp(source(slash?.[1] ?? word, true), operator === '//' ? 'gs' : 's')
      return value.replace(pattern, () => slash?.[2] ?? '')
    }
    default:
      return undefined
  }
}

/** The shortest or longest suffix: a regular expression alone would always take the longest. */
function withoutSuffix(value: string, word: string, longest: boolean): string {
  const whole = new RegExp(`^(?:${source(word, true)})$`, 's')
  const starts = Array.from({ length: value.length + 1 }, (_item, index) => index)
  const start = (longest ? starts : starts.reverse()).find((index) => whole.test(value.slice(index)))
  return start === undefined ? value : value.slice(0, start)
}

function source(glob: string, greedy: boolean): string {
  return glob.replace(/\\([\s\S])|([\s\S])/g, (_all, escaped: string | undefined, char: string) => {
    if (escaped !== undefined) return escaped.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
    if (char === '*') return greedy ? '.*' : '.*?'
    if (char === '?') return '.'
    return char.replace(/[\\^$.+()[\]{}|/-]/g, '\\$&')
  })
}
