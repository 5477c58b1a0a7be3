import { expect, it } from 'vitest'
import { parseLine } from '../images/changes.ts'
import { parseRunFlags } from './run-flags.ts'

const parse = (line: string) =>
  parseRunFlags(
    { ...parseLine(line), text: line, line: 1, lines: 1 },
    (text) => text.replace('$X', 'x'),
    '/w',
  )

it('reads mounts with their defaults', () => {
  const { mounts, network } = parse(
    'RUN --network=none --mount=type=cache,target=c,id=$X,sharing=locked,mode=0700,uid=5 --mount=src=a,dst=/b,rw,from=s --mount=type=tmpfs,target=/t,size=2m --mount=type=secret,id=k --mount=type=secret,id=e,env=E,required=true true',
  )
  expect(network).toBe('none')
  expect(
    mounts.map((mount) => Object.fromEntries(Object.entries(mount).filter(([, value]) => value))),
  ).toEqual([
    { type: 'cache', target: '/w/c', id: 'x', sharing: 'locked', mode: 0o700, uid: 5 },
    { type: 'bind', target: '/b', source: 'a', from: 's', sharing: 'shared' },
    { type: 'tmpfs', target: '/t', size: 2 << 20, sharing: 'shared' },
    { type: 'secret', id: 'k', target: '/run/secrets/k', sharing: 'shared' },
    { type: 'secret', id: 'e', env: 'E', required: true, sharing: 'shared' },
  ])
})

it.each([
  ['RUN --mount=type=nosuch,target=/x true', 'unsupported mount type "nosuch"'],
  ['RUN --mount=type=tmpfs,target=/x,from=a true', "unexpected key 'from' for mount type 'tmpfs'"],
  ['RUN --mount=type=cache true', "target is required for mount type 'cache'"],
  ['RUN --security=insecure true', 'RUN --security=insecure is not supported by this builder'],
  ['RUN --bogus true', 'unknown flag: --bogus of RUN'],
])('refuses %s', (line, message) => {
  expect(() => parse(line)).toThrow(message)
})
