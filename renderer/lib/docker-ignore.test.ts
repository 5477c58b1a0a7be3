import { expect, test } from 'vitest'
import { ignorePatterns, isIgnored } from './docker-ignore.ts'

test('patterns as the documentation gives them', () => {
  const patterns = ignorePatterns(
    '# comment\nnode_modules\n*/temp*\n*.md\n!README.md\n**/*.log\n/dist/\nsrc/?.ts\n',
  )
  const ignored = [
    'node_modules/x/y.js',
    'a/temporary.txt',
    'a.md',
    'deep/er/x.log',
    'x.log',
    'dist/app.js',
    'src/a.ts',
  ]
  const kept = ['README.md', 'a/b/temp', 'docs/a.md', 'src/ab.ts', 'my-node_modules', 'src/node_modules/x']
  expect(ignored.filter((path) => !isIgnored(path, patterns))).toEqual([])
  expect(kept.filter((path) => isIgnored(path, patterns))).toEqual([])
})
