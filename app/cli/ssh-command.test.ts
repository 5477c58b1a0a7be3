import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { exitCode, sshRequest } from './ssh-command.ts'
import { terminalInput } from './terminal-input.ts'

test.each([
  [[], true, { command: undefined, terminal: true }],
  [[], false, { command: undefined, terminal: false }],
  [['-T'], true, { command: undefined, terminal: false }],
  [['ls', '-l', '/'], true, { command: 'ls -l /', terminal: false }],
  [['-t', 'top'], true, { command: 'top', terminal: true }],
  [['-t', 'top'], false, { command: 'top', terminal: false }],
  [['-tt', 'top'], false, { command: 'top', terminal: true }],
  [['-t', '-t', 'top'], false, { command: 'top', terminal: true }],
  [['sh', '-c', 'echo $HOME; exit 3'], false, { command: 'sh -c echo $HOME; exit 3', terminal: false }],
  [['-t', '--', '-x'], true, { command: '-x', terminal: true }],
])('%j, on a terminal: %s', (words, terminals, expected) => {
  expect(sshRequest(words, terminals)).toEqual(expected)
})

test('an unknown option is not sent to the machine', () => {
  expect(() => sshRequest(['-x', 'ls'], false)).toThrow('unknown option -x')
})

test('an exit code is handed on, a signal as a shell puts it', () => {
  expect(exitCode({ exit: { code: 7 } })).toBe(7)
  expect(exitCode({ exit: { signal: 'SIGKILL' } })).toBe(137)
})

test('input comes at the reader’s pace and ends with stdin', async () => {
  const stdin = new PassThrough()
  const stdout = new PassThrough()
  const terminal = { stdin, stdout } as unknown as Parameters<typeof terminalInput>[0]
  const input = terminalInput(terminal, { sizes: true, signal: new AbortController().signal })
  const first = input.next()
  stdin.write('a')
  expect(await first).toEqual({ done: false, value: { type: 'data', data: Buffer.from('a') } })
  stdin.write('b')
  expect(stdin.isPaused()).toBe(true)
  Object.assign(stdout, { rows: 3, columns: 4 })
  stdout.emit('resize')
  expect((await input.next()).value).toEqual({ type: 'resize', size: { rows: 3, columns: 4 } })
  expect((await input.next()).value).toEqual({ type: 'data', data: Buffer.from('b') })
  stdin.end()
  expect((await input.next()).done).toBe(true)
})
