import { expect, test } from 'vitest'
import { dependencyIndex, type KernelModule, selectModules } from './modules.ts'

const module = (path: string, ...depends: string[]): KernelModule => ({
  name: (path.split('/').pop() ?? '').replace('.ko', '').replaceAll('-', '_'),
  path: `kernel/${path}`,
  depends,
  aliases: [],
})
const index = new Map(
  [
    module('net/a.ko', 'b', 'c'),
    module('net/b.ko', 'd'),
    module('lib/c.ko', 'd'),
    module('lib/d.ko'),
    module('fs/e-f.ko'),
    module('sound/z.ko'),
  ].map((entry) => [entry.name, entry]),
)

test('selects by folder, by path and by name, with everything that is needed', () => {
  const names = (wanted: string[]) =>
    selectModules(index, wanted, new Set(['inside'])).map(({ name }) => name)
  expect(names(['net/'])).toEqual(['c', 'd', 'a', 'b'])
  expect(names(['fs/e-f', 'b', 'inside'])).toEqual(['e_f', 'd', 'b'])
  expect(names(['nowhere/'])).toEqual([])
  expect(() => names(['nosuch'])).toThrow('kernel module nosuch')
})

test('lists dependencies so that loading them from the right always works', () => {
  const modules = selectModules(index, ['net/'], new Set())
  for (const line of dependencyIndex(modules).trim().split('\n')) {
    const [first, ...needed] = line.split(' ')
    const loaded = new Set<string>()
    for (const path of [...needed.reverse(), (first ?? '').slice(0, -1)]) {
      const entry = modules.find((candidate) => candidate.path === path)
      for (const name of entry?.depends ?? []) expect(loaded).toContain(name)
      loaded.add(entry?.name ?? '')
    }
  }
  expect(dependencyIndex(modules)).toContain(
    'kernel/net/a.ko: kernel/lib/c.ko kernel/net/b.ko kernel/lib/d.ko\n',
  )
})
