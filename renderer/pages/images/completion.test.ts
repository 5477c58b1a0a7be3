import { expect, test } from 'vitest'
import { questionOf } from './completion.ts'

test('a colon asks for tags, a word for names', () => {
  const questions = [
    '',
    'r',
    're',
    'redis:',
    'redis:7',
    'ghcr.io/',
    'ghcr.io/o',
    'localhost:5000/redis',
    'localhost:5000/redis:7',
    'redis@sha256:ab',
  ].map((text) => {
    const question = questionOf(text)
    return question && `${question.ask} ${question.of}`
  })
  expect(questions).toEqual([
    undefined,
    undefined,
    'names re',
    'tags redis',
    'tags redis',
    'names ghcr.io/',
    'names ghcr.io/o',
    'names localhost:5000/redis',
    'tags localhost:5000/redis',
    undefined,
  ])
})
