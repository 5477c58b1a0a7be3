import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import en from './en.json' with { type: 'json' }
import ko from './ko.json' with { type: 'json' }

type Tree = { [key: string]: string | Tree }

function flatten(tree: Tree, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]): [string, string][] =>
      typeof value === 'string' ? [[prefix + key, value]] : [...flatten(value, `${prefix}${key}.`)],
    ),
  )
}

/** A key without the suffix of its plural form. */
const base = (key: string): string => key.replace(/_(one|other)$/, '')
const bases = (tree: Tree): string[] => [...new Set([...flatten(tree).keys()].map(base))].sort()

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return sources(path)
    return /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name) ? [readFileSync(path, 'utf8')] : []
  })
}

const text = sources(join(import.meta.dirname, '..')).join('\n')
/** Quoted strings that look like keys, and templates such as `state.${x}` as patterns. */
const literals = new Set(
  [...text.matchAll(/['"]([a-z]\w*(?:\.[\w-]+)+)['"]/gi)].map((match) => match[1] ?? ''),
)
const calls = new Set([...text.matchAll(/\bt\(\s*'([^']+)'/g)].map((match) => match[1] ?? ''))
const patterns = [...text.matchAll(/\bt\(\s*`([^`]+)`/g)].map((match) => {
  const parts = (match[1] ?? '').split(/\$\{[^}]+\}/).map((part) => part.replaceAll('.', '\\.'))
  return new RegExp(`^${parts.join('[\\w-]+')}$`)
})

test('both languages have the same keys', () => {
  expect(bases(ko)).toEqual(bases(en))
})

test('every key that the source names exists', () => {
  const known = new Set(bases(en))
  expect([...calls].filter((key) => !known.has(key))).toEqual([])
  const dead = patterns.filter((pattern) => !bases(en).some((key) => pattern.test(key)))
  expect(dead).toEqual([])
})

test('no key is left unused', () => {
  const unused = bases(en).filter(
    (key) => !literals.has(key) && !patterns.some((pattern) => pattern.test(key)),
  )
  expect(unused).toEqual([])
})

test('translations take the same values', () => {
  const names = (value: string): string[] =>
    [...new Set([...value.matchAll(/\{\{(\w+)(?:, [^}]+)?\}\}/g)].map((match) => match[1] ?? ''))].sort()
  const wrong: string[] = []
  const korean = flatten(ko)
  for (const [key, value] of flatten(en)) {
    if (key.endsWith('_one')) continue
    const other = korean.get(key)
    if (other === undefined || names(other).join() !== names(value).join()) wrong.push(key)
  }
  expect(wrong).toEqual([])
})

test('Korean ends its sentences in one style', () => {
  const formal = [...flatten(ko)].filter(([, value]) => /(니다|십시오)[.!]?$/.test(value)).map(([key]) => key)
  expect(formal).toEqual([])
})
