import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('is the only door to node:http: an import of its values loads undici', () => {
  const root = join(import.meta.dirname, '..')
  const wrong = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/(\.test|suite|fixture[^/]*)\.ts$/.test(name))
    .filter((name) => /^import \{[^}]*\} from 'node:http'$/m.test(readFileSync(join(root, name), 'utf8')))
  expect(wrong).toEqual([])
})
