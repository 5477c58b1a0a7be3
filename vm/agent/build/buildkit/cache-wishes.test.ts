import { expect, it } from 'vitest'
import { importsIn, tellUnsupported } from './cache-wishes.ts'
import { StatusLog } from './status-log.ts'

it('names each cache that a build goes on without', async () => {
  const attributes = {
    'cache-imports': '[{"Type":"registry","Attrs":{"ref":"a/b"}},{"Type":"gha","Attrs":null}]',
  }
  expect(importsIn(attributes)).toEqual(['a/b', 'gha'])
  expect(importsIn({})).toEqual([])
  expect(importsIn({ 'cache-imports': 'no json' })).toEqual([])
  const log = new StatusLog()
  tellUnsupported(log, 'ref', { imports: ['a/b', 'a/b'], exports: ['inline'] })
  log.end()
  const told: string[] = []
  for await (const { vertexes = [] } of log.listen(new AbortController().signal))
    for (const { name, error } of vertexes) if (error) told.push(`${name}: ${error}`)
  expect(told).toEqual([
    'importing cache manifest from a/b: cache import is not supported by this builder',
    'exporting inline cache: cache export inline is not supported by this builder',
  ])
})
