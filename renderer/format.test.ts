import { expect, test } from 'vitest'
import { ago, bytes, duration, memory, percent, shortId } from './format.ts'

test('sizes follow Docker and the locale', () => {
  expect([0, 999, 1000, 1_234_567, 123_456_789, 4.26e9].map((value) => bytes(value, 'en'))).toEqual([
    '0 B',
    '999 B',
    '1 kB',
    '1.2 MB',
    '123 MB',
    '4.3 GB',
  ])
  expect([bytes(7, 'ko'), bytes(1_234_567, 'ko')]).toEqual(['7B', '1.2MB'])
  expect([memory(512 * 2 ** 20, 'en'), memory(1536 * 2 ** 20, 'en')]).toEqual(['512 MB', '1.5 GB'])
})

test('small percentages keep a digit', () => {
  expect([0, 0.004, 0.25, 1.5].map((value) => percent(value, 'en'))).toEqual(['0%', '0.4%', '25%', '150%'])
})

test('relative times', () => {
  const now = Date.UTC(2026, 0, 1)
  expect([-5, 0, 61, 7200, 3 * 86_400].map((seconds) => ago(now - seconds * 1000, now, 'en'))).toEqual([
    'now',
    'now',
    '1 min. ago',
    '2 hr. ago',
    '3 days ago',
  ])
  expect(ago(now - 120_000, now, 'ko')).toBe('2분 전')
})

test('durations have two units at most', () => {
  expect([0, 59, 3661, 90_061].map((seconds) => duration(seconds, 'en'))).toEqual([
    '0s',
    '59s',
    '1h 1m',
    '1d 1h',
  ])
})

test('ids shorten as Docker does', () => {
  expect(shortId(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab')
})
