import { expect, it } from 'vitest'
import { heredocCommand, readHeredocs } from './heredoc.ts'

it('a lone document is the script, with #! a program, else the shell reads it', () => {
  const script = readHeredocs(['<<EOF'], ['echo a', 'EOF'], 1)
  expect(heredocCommand('<<EOF', script)).toEqual({ rest: 'echo a\n' })
  const program = readHeredocs(['<<EOF'], ['#!/bin/cat', 'EOF'], 1)
  expect(heredocCommand('<<EOF', program)).toEqual({
    rest: '<<EOF',
    script: { name: 'EOF', content: '#!/bin/cat\n' },
  })
  const input = readHeredocs(['cat', '<<-A', "<<'B'"], ['\ta', '\tA', 'b', 'B'], 1)
  expect(heredocCommand("cat <<-A <<'B'", input)).toEqual({ rest: "cat <<-A <<'B'\n\ta\nA\nb\nB" })
})
