import { expect, test } from 'vitest'
import { createFailure, execFailure } from './messages.ts'

const create =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: '
const exec = 'OCI runtime exec failed: exec failed: unable to start container process: '

test.each([
  [
    'executable file `x` not found in $PATH: No such file or directory\n',
    'x',
    'exec: "x": executable file not found in $PATH',
    127,
  ],
  [
    'executable file `/x/y` not found: No such file or directory',
    '/x/y',
    'exec: "/x/y": stat /x/y: no such file or directory',
    127,
  ],
  [
    'the path `/x` exists but it is not executable: Operation not permitted',
    '/x',
    'exec: "/x": permission denied',
    126,
  ],
  [
    'the path `/etc` is not a regular file: Operation not permitted',
    '/etc',
    'exec: "/etc": is a directory: permission denied',
    126,
  ],
  ['cannot open `/a/b`: Not a directory', '/a/b', 'exec: "/a/b": not a directory', 126],
  [
    'chdir to `/w`: Not a directory',
    'x',
    'chdir to cwd ("/w") set in config.json failed: not a directory',
    127,
  ],
  ['mount `x` to `y`: Invalid argument\n', 'x', 'mount `x` to `y`: Invalid argument', 128],
  ['', 'x', 'crun failed without a message', 128],
])('%j', (stderr, program, message, exitCode) => {
  const failures = [createFailure(stderr, program), execFailure(stderr, program)]
  expect(failures.map((failure) => failure.message)).toEqual([create + message, exec + message])
  expect(failures.map(({ kind, details }) => [kind, details])).toEqual(
    Array(2).fill(['invalid_argument', { exitCode }]),
  )
})
