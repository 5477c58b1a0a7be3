import { expect, test } from 'vitest'
import { parseAnsi, stripAnsi } from './ansi.ts'
import { LogBuffer, LogSearch, levelOf, searchPattern } from './log-buffer.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const texts = (buffer: LogBuffer) => [...buffer.lines()].map((line) => line.text)

test('lines and characters may be cut anywhere', () => {
  const buffer = new LogBuffer()
  for (const byte of bytes('안녕하세요\nsecond\nthird')) buffer.push('stdout', Uint8Array.of(byte))
  expect(texts(buffer)).toEqual(['안녕하세요', 'second'])
  buffer.flush()
  expect(texts(buffer)).toEqual(['안녕하세요', 'second', 'third'])
})

test('streams do not mix within a line', () => {
  const buffer = new LogBuffer()
  buffer.push('stdout', bytes('out '))
  buffer.push('stderr', bytes('bad\n'))
  buffer.push('stdout', bytes('more\n'))
  expect([...buffer.lines()].map((line) => [line.stream, line.text])).toEqual([
    ['stderr', 'bad'],
    ['stdout', 'out more'],
  ])
})

test('keeps the newest lines with their numbers', () => {
  const buffer = new LogBuffer(10_000)
  for (let i = 0; i < 25_000; i++) buffer.push('stdout', bytes(`${i}\n`))
  expect([
    buffer.length,
    buffer.total,
    buffer.at(0)?.text,
    buffer.at(0)?.number,
    buffer.at(9999)?.text,
  ]).toEqual([10_000, 25_000, '15000', 15_000, '24999'])
})

test('timestamps leave the text, carriage returns redraw', () => {
  const buffer = new LogBuffer()
  buffer.push('stdout', bytes('2026-01-02T03:04:05.123456789Z hello\r\n10%\r50%\rdone\r\n'))
  expect([...buffer.lines()].map(({ text, time }) => [time, text])).toEqual([
    ['2026-01-02T03:04:05.123456789Z', 'hello'],
    ['', 'done'],
  ])
})

test('search extends, forgets dropped lines and sees through colours', () => {
  const buffer = new LogBuffer(3)
  const pattern = searchPattern('a.c', { regex: false, caseSensitive: false })
  const search = new LogSearch(pattern as RegExp)
  buffer.push('stdout', bytes('abc\n\x1b[31mA.\x1b[0mC\nx\n'))
  search.update(buffer)
  expect(search.matches).toEqual([1])
  buffer.push('stdout', bytes('a.c\nz\n'))
  search.update(buffer)
  expect(search.matches).toEqual([3])
  expect(searchPattern('(', { regex: true, caseSensitive: true })).toBeUndefined()
})

test('a search that runs out of time goes on where it was', () => {
  const buffer = new LogBuffer()
  buffer.push('stdout', bytes('yes\nno\n'.repeat(1000)))
  const search = new LogSearch(searchPattern('yes', { regex: false, caseSensitive: true }) as RegExp)
  let slices = 0
  while (!search.update(buffer, () => slices++ % 2 === 1)) expect(slices).toBeLessThan(50)
  expect(slices).toBeGreaterThan(4)
  expect([search.matches.length, search.matches[1], search.matches.at(-1)]).toEqual([1000, 2, 1998])
})

test('levels', () => {
  expect(['ERROR x', 'time=… level=warning', '[debug] y', 'INFO', 'terror', 'plain'].map(levelOf)).toEqual([
    'error',
    'warn',
    'debug',
    'info',
    undefined,
    undefined,
  ])
})

test('ANSI: colours, 256 and true colour, resets, foreign escapes', () => {
  expect(
    parseAnsi('\x1b[1;31mred\x1b[0m \x1b[38;5;208mo\x1b[48;2;1;2;3mb\x1b[39;49mx\x1b[2K\x1b]0;t\x07'),
  ).toEqual([
    { text: 'red', bold: true, color: 1 },
    { text: ' ' },
    { text: 'o', color: '#ff8700' },
    { text: 'b', color: '#ff8700', background: '#010203' },
    { text: 'x' },
  ])
  expect(stripAnsi('\x1b[32mok\x1b[m\x07')).toBe('ok')
})
