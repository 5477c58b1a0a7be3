import { expect, test } from 'vitest'
import { columnsOf, LineWindow } from './line-window.ts'
import { LogBuffer } from './log-buffer.ts'

const lines = (...texts: string[]) => new TextEncoder().encode(texts.map((text) => `${text}\n`).join(''))

test('columns: escapes take none, East Asian letters two', () => {
  expect(['abc', '\x1b[31mabc\x1b[0m', '한글 ok', '', 'a\tb'].map(columnsOf)).toEqual([3, 3, 7, 0, 6])
})

test('rows above a line and the line at a row, wrapped and not', () => {
  const buffer = new LogBuffer()
  const view = new LineWindow()
  buffer.push('stdout', lines('short', 'x'.repeat(25), '', 'end'))
  view.update(buffer, undefined)
  expect([view.rows, view.top(2), view.lineAt(3), view.lineAt(99)]).toEqual([4, 2, 3, 3])
  view.update(buffer, 10)
  expect([view.rows, view.top(1), view.top(2), view.top(3)]).toEqual([6, 1, 4, 5])
  expect([0, 1, 3, 4, 5, 6].map((row) => view.lineAt(row))).toEqual([0, 1, 1, 2, 3, 3])
  buffer.push('stdout', lines('x'.repeat(11)))
  view.update(buffer, 10)
  expect([view.rows, view.lineAt(7)]).toEqual([8, 4])
})

test('follows a buffer that drops, is cleared, and is empty', () => {
  const buffer = new LogBuffer(3)
  const view = new LineWindow()
  view.update(buffer, 10)
  expect([view.rows, view.lineAt(0)]).toEqual([0, 0])
  for (const text of ['x'.repeat(25), 'a', 'x'.repeat(15), 'b']) {
    buffer.push('stdout', lines(text))
    view.update(buffer, 10)
  }
  expect([view.rows, view.top(1), view.lineAt(2), view.lineAt(3)]).toEqual([4, 1, 1, 2])
  buffer.clear()
  view.update(buffer, 10)
  expect(view.rows).toBe(0)
  buffer.push('stdout', lines('again', 'x'.repeat(11)))
  view.update(buffer, 10)
  expect([view.rows, view.top(1)]).toEqual([3, 1])
})

test('a flood of lines keeps the sums right', () => {
  const buffer = new LogBuffer(100)
  const view = new LineWindow()
  for (let i = 0; i < 2000; i++) {
    buffer.push('stdout', lines(...Array.from({ length: 70 }, (_, at) => 'y'.repeat((i + at) % 40))))
    view.update(buffer, 10)
  }
  const last = Array.from({ length: 100 }, (_, index) => buffer.at(index)?.text.length ?? 0)
  expect(view.rows).toBe(last.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / 10)), 0))
})
