import { expect, it } from 'vitest'
import { parseDockerfile } from './dockerfile.ts'
import { chooseStages } from './stages.ts'

const parsed = parseDockerfile(`ARG B=two
FROM x AS one
FROM x AS two
FROM x AS unused
FROM x AS mounted
FROM x
COPY --from=0 /a /a
FROM $B AS last
RUN --mount=type=cache,target=/x --mount=from=mounted,target=/y true
COPY --from=4 /a /a
COPY --from=busybox /a /a
FROM x AS after
`)
const globals = new Map([['B', 'two']])
const indexes = (target: string, onlyNeeded: boolean) =>
  chooseStages(parsed, { target, onlyNeeded, globals }).map(({ index }) => index)

it('takes the needed ones or all up to the target', () => {
  expect(indexes('last', true)).toEqual([0, 1, 3, 4, 5])
  expect(indexes('LAST', false)).toEqual([0, 1, 2, 3, 4, 5])
  expect(indexes('', true)).toEqual([6])
  expect(indexes('2', true)).toEqual([2])
  expect(() => indexes('nosuch', true)).toThrow('target stage "nosuch" could not be found')
})
