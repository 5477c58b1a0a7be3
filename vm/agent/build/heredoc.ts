/** Here-documents of RUN, COPY and ADD: `<<EOF`, `<<-EOF`, `<<"EOF"`, several on one line. Pure. */
import { EngineError } from '../../api/errors.ts'

export interface Heredoc {
  name: string
  /** The word that stands for it in the instruction: `<<-"EOF"`. */
  marker: string
  /** False where the delimiter is quoted. */
  expand: boolean
  /** With the leading tabs that `<<-` takes away gone. */
  content: string
  /** The lines as they are written, without the one that ends them. */
  raw: string
}

const MARKER = /^\d*<<(-?)(["']?)([A-Za-z_][A-Za-z0-9_.]*)\2$/

/** The documents that the words of an instruction's first line begin, with their bodies from the lines after it. */
export function readHeredocs(words: readonly string[], lines: readonly string[], line: number): Heredoc[] {
  let next = 0
  return words.flatMap((word): Heredoc[] => {
    const match = MARKER.exec(word)
    if (!match) return []
    const [, strip, quote, name = ''] = match
    const body: string[] = []
    for (;;) {
      const text = lines[next++]
      if (text === undefined)
        throw new EngineError(
          'invalid_argument',
          `dockerfile parse error on line ${line}: unterminated heredoc`,
        )
      if ((strip ? text.replace(/^\t+/, '') : text) === name) break
      body.push(text)
    }
    const join = (list: readonly string[]) => list.map((text) => `${text}\n`).join('')
    const content = strip ? body.map((text) => text.replace(/^\t+/, '')) : body
    return [{ name, marker: word, expand: quote === '', content: join(content), raw: join(body) }]
  })
}

/**
 * What a RUN with here-documents means: a lone one is a script for the shell, or a program of its own when it begins
 * with `#!`; otherwise the shell is given the whole text and reads the documents itself.
 */
export function heredocCommand(
  rest: string,
  heredocs: readonly Heredoc[],
): { rest: string; script?: { name: string; content: string } } {
  const [only] = heredocs
  if (only && heredocs.length === 1 && rest.trim() === only.marker) {
    if (only.content.startsWith('#!')) return { rest, script: { name: only.name, content: only.content } }
    return { rest: only.content }
  }
  return {
    rest: [`${rest}\n`, ...heredocs.map(({ raw, name }) => `${raw}${name}\n`)].join('').trimEnd(),
  }
}
