import { expect, test } from 'vitest'
import { flattenJson } from './json-rows.ts'

const value = { Name: '/web', State: { Running: true, Pid: 7 }, Mounts: [], Cmd: ['sh', ''] }
const show = (query: string, closed: string[] = []) =>
  flattenJson(value, { query, closed: new Set(closed) }).map(
    (row) => `${' '.repeat(row.depth)}${row.name}=${row.text ?? row.children}`,
  )

test('everything is open at first', () => {
  expect(show('')).toEqual([
    'Name=/web',
    'State=2',
    ' Running=true',
    ' Pid=7',
    'Mounts=[]',
    'Cmd=2',
    ' 0=sh',
    ' 1=""',
  ])
  expect(show('', ['/State'])).toEqual(['Name=/web', 'State=2', 'Mounts=[]', 'Cmd=2', ' 0=sh', ' 1=""'])
})

test('search keeps the way to a hit, and all below a name that hits', () => {
  expect(show('pid')).toEqual(['State=2', ' Pid=7'])
  expect(show('STATE', ['/State'])).toEqual(['State=2', ' Running=true', ' Pid=7'])
  expect(show('nothing')).toEqual([])
})
