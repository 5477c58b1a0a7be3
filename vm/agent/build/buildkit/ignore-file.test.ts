import { expect, it } from 'vitest'
import { ignorePatterns } from './ignore-file.ts'

it('cleans patterns and drops comments', () => {
  expect(ignorePatterns('\uFEFF# comment\n\n  a/b/ \r\n!./keep\n/root\n**/*.md\nx/../y\n! z\n.\n')).toEqual([
    'a/b',
    '!keep',
    'root',
    '**/*.md',
    'y',
    '!z',
    '.',
  ])
})
