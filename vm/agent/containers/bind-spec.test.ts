import { expect, test } from 'vitest'
import { isPath } from '../folders/source.ts'
import { parseBind } from './bind-spec.ts'

const onWindows = (source: string) => isPath(source, 'win32')

test('a drive’s colon divides nothing on Windows', () => {
  expect(parseBind('C:\\Users\\me\\app:/app', onWindows)).toMatchObject({
    source: 'C:\\Users\\me\\app',
    destination: '/app',
    mode: '',
    readOnly: false,
  })
  expect(parseBind('c:/Users/me:/app:ro,cached', onWindows)).toMatchObject({
    source: 'c:/Users/me',
    destination: '/app',
    mode: 'ro,cached',
    readOnly: true,
  })
  expect(parseBind('//c/Users/me:/app', onWindows)).toMatchObject({
    source: '/c/Users/me',
    destination: '/app',
  })
  expect(parseBind('/c/Users/me/:/app/', onWindows)).toMatchObject({
    source: '/c/Users/me/',
    destination: '/app',
  })
})

test('names of volumes stay names on Windows', () => {
  expect(parseBind('data:/app:ro', onWindows)).toMatchObject({
    source: 'data',
    destination: '/app',
    readOnly: true,
  })
  expect(parseBind('cc:/app', onWindows)).toMatchObject({ source: 'cc', destination: '/app' })
  expect(parseBind('/only', onWindows)).toMatchObject({ source: '', destination: '/only' })
})

test('what is incomplete is refused on Windows, too', () => {
  for (const spec of [
    'C:\\Users',
    'C:\\Users:',
    'C:\\Users:app',
    'C:\\Users:/app:ro:rw',
    'C:\\Users:/app:odd',
  ]) {
    expect(() => parseBind(spec, onWindows), spec).toThrow(/^invalid (volume specification|mode)/)
  }
})

test('elsewhere a single letter before a colon is no drive', () => {
  expect(() => parseBind('C:\\Users\\me:/app')).toThrow()
  expect(() => parseBind('c:/Users:/app')).toThrow('invalid mode: /app')
})
