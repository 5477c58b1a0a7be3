import { expect, test } from 'vitest'
import type { OciProcess } from './oci.ts'
import { containerEnvironment, execProcess, replaceEnvironment } from './process.ts'

const main: OciProcess = {
  terminal: false,
  cwd: '/w',
  env: ['PATH=/bin', 'HOME=/root', 'A=1'],
  args: ['sleep'],
  user: { uid: 0, gid: 0 },
  capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
  rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1, hard: 2 }],
  noNewPrivileges: true,
}
const web = { uid: 33, gid: 44, additionalGids: [44], home: '/srv' }

test('an exec inherits from the container and adds its own', () => {
  expect(execProcess(main, { Cmd: ['id'], Env: ['A=2', 'B=3'] }, web)).toEqual({
    terminal: false,
    cwd: '/w',
    args: ['id'],
    env: ['PATH=/bin', 'HOME=/srv', 'A=2', 'B=3'],
    user: { uid: 33, gid: 44, additionalGids: [44] },
    capabilities: { bounding: ['CAP_KILL'] },
    rlimits: main.rlimits,
    noNewPrivileges: true,
  })
})

test('a privileged exec with a terminal', () => {
  const root = { uid: 0, gid: 0, additionalGids: [0], home: '/root' }
  const exec = execProcess(
    main,
    { Cmd: ['sh'], Tty: true, Privileged: true, ConsoleSize: [24, 80], WorkingDir: '/x' },
    root,
  )
  expect(exec).toMatchObject({ terminal: true, cwd: '/x', consoleSize: { height: 24, width: 80 } })
  expect(exec.env).toContain('TERM=xterm')
  expect(exec.capabilities?.effective).toHaveLength(41)
  expect(exec.noNewPrivileges).toBeUndefined()
})

test('an environment entry without a value takes a default away', () => {
  const facts = { hostname: 'h', tty: false, home: '/' }
  expect(containerEnvironment(['PATH', 'X=a=b'], facts)).toEqual(['HOSTNAME=h', 'X=a=b', 'HOME=/'])
  expect(replaceEnvironment(['A=1', 'B=2'], ['A=', 'B'])).toEqual(['A='])
})
