// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles look like that
import { describe, expect, it } from 'vitest'
import { parseDockerfile } from './dockerfile.ts'
import { expandVariables } from './expand.ts'

describe('parseDockerfile', () => {
  it('finds stages, flags and logical lines, and drops comments inside them', () => {
    const { globalArguments, stages } = parseDockerfile(
      [
        'ARG V=1',
        'FROM --platform=linux/amd64 busybox:$V AS One',
        '# comment',
        'RUN echo a && \\',
        '  # inside',
        '',
        '  echo "b  c"',
        'FROM scratch',
        'COPY --from=one --chown=1:2 a b /c/',
      ].join('\n'),
    )
    expect(globalArguments.map(({ rest }) => rest)).toEqual(['V=1'])
    expect(stages.map(({ name, base, platform }) => ({ name, base, platform }))).toEqual([
      { name: 'one', base: 'busybox:$V', platform: 'linux/amd64' },
      { name: undefined, base: 'scratch', platform: undefined },
    ])
    expect(stages[0]?.steps[0]?.rest.replace(/\s+/g, ' ')).toBe('echo a && echo "b c"')
    expect(stages[1]?.steps[0]).toMatchObject({
      keyword: 'COPY',
      flags: [
        { name: 'from', value: 'one' },
        { name: 'chown', value: '1:2' },
      ],
      rest: 'a b /c/',
    })
  })

  it('takes another escape character', () => {
    const { stages } = parseDockerfile('# escape=`\nFROM a\nRUN b `\n  c')
    expect(stages[0]?.steps[0]?.rest.replace(/\s+/g, ' ')).toBe('b c')
  })

  it('reads here-documents, several of one instruction, with tabs and quotes', () => {
    const text =
      'FROM a\nCOPY <<-"A" <<B.x /d/\n\tx $Y\n\tA\nFROM y \\\nB.x\nRUN <<E cat >/x\nz\nE\nRUN echo "<<NO" 1 << 2'
    const steps = parseDockerfile(text).stages[0]?.steps ?? []
    expect(steps.map(({ rest }) => rest)).toEqual(['<<-"A" <<B.x /d/', '<<E cat >/x', 'echo "<<NO" 1 << 2'])
    expect(steps[0]?.heredocs).toEqual([
      { name: 'A', marker: '<<-"A"', expand: false, content: 'x $Y\n', raw: '\tx $Y\n' },
      { name: 'B.x', marker: '<<B.x', expand: true, content: 'FROM y \\\n', raw: 'FROM y \\\n' },
    ])
    expect(steps[2]?.heredocs).toBeUndefined()
  })

  it.each([
    ['', 'the Dockerfile (Dockerfile) cannot be empty'],
    ['FROM a\nBOGUS x', 'dockerfile parse error on line 2: unknown instruction: BOGUS'],
    ['RUN x\nFROM a', 'dockerfile parse error on line 1: no build stage in current context'],
    ['FROM a b c', 'dockerfile parse error on line 1: FROM requires either one or three arguments'],
    ['FROM a\nRUN <<EOT\nx', 'dockerfile parse error on line 2: unterminated heredoc'],
  ])('refuses %j', (text, message) => {
    expect(() => parseDockerfile(text)).toThrow(message)
  })
})

describe('expandVariables', () => {
  const variables = new Map([
    ['A', 'x'],
    ['EMPTY', ''],
    ['P', 'a/b/c.b'],
  ])
  it.each([
    ['$A ${A}b', 'x xb'],
    ['${B:-d} ${B-d} ${EMPTY:-d} ${EMPTY-d}', 'd d d '],
    ['${A:+y}${B:+n}', 'y'],
    ['\'$A\' "$A"', '\'$A\' "x"'],
    ['\\$A $ $1', '$A $ '],
    ['${B:-${A}}', 'x'],
    [
      '${P#*/} ${P##*/} ${P%/*} ${P%%/*} ${P/b/X} ${P//[abc]/X} ${P//b\\/c/-}',
      'b/c.b c.b a/b a a/X/c.b a/b/c.b a/-.b',
    ],
    ['${B#x} ${A%y}', ' x'],
  ])('%s', (text, expected) => {
    expect(expandVariables(text, variables)).toBe(expected)
  })
  it('takes quotes as they are in here-documents', () => {
    expect(expandVariables("it's $A \\$A \\n", variables, '\\', { plain: true })).toBe("it's x $A \\n")
  })
  it('says what is wrong with a substitution', () => {
    expect(() => expandVariables('${A', variables)).toThrow("missing '}'")
    expect(() => expandVariables('${B:?no b}', variables)).toThrow('B: no b')
  })
})
