import { expect, test } from 'vitest'
import { ControlMessage, conmonArguments } from './conmon.ts'
import { runtimePaths } from './paths.ts'

const base = { id: 'c1', bundle: '/b', logPath: '/l/log', tty: false, openStdin: false, stdinOnce: true }
const paths = runtimePaths('/run/slipway')
const flags = (options: Partial<typeof base>) =>
  conmonArguments({ ...base, ...options }, paths).filter((flag) =>
    ['--terminal', '--stdin', '--leave-stdin-open'].includes(flag),
  )

test('passes crun its own root and manager', () => {
  const args = conmonArguments(base, paths).join(' ')
  expect(args).toContain('--runtime-arg --cgroup-manager=cgroupfs --runtime-arg --root=/run/slipway/crun')
  expect(args).toContain('--log-path k8s-file:/l/log')
})

test('stdin ends with its client only where Docker ends it', () => {
  expect(flags({})).toEqual(['--leave-stdin-open'])
  expect(flags({ openStdin: true })).toEqual(['--stdin'])
  expect(flags({ openStdin: true, stdinOnce: false })).toEqual(['--stdin', '--leave-stdin-open'])
  expect(flags({ openStdin: true, tty: true })).toEqual(['--terminal', '--stdin', '--leave-stdin-open'])
})

test('windows are kept within what conmon takes', () => {
  expect(ControlMessage.resize(40, 5000)).toBe('1 40 1000\n')
})
