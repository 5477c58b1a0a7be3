import { expect, test } from 'vitest'
import { joinWords, splitWords } from './shell-words.ts'

test('splits as a shell does', () => {
  expect(splitWords(`run -e 'A=b c' -e "D=\\"e\\" \\n" f\\ g ''`)).toEqual([
    'run',
    '-e',
    'A=b c',
    '-e',
    'D="e" \\n',
    'f g',
    '',
  ])
  expect(splitWords('docker run \\\n  -it \\\r\n busybox')).toEqual(['docker', 'run', '-it', 'busybox'])
})

test('an open quote is an error', () => {
  expect(() => splitWords(`sh -c 'echo`)).toThrow(SyntaxError)
})

test('what is joined splits into the same words', () => {
  const words = ['a', 'b c', `d'e`, '"', '$HOME', '', '가 나', 'x=y;z', '\\']
  expect(splitWords(joinWords(words))).toEqual(words)
})
