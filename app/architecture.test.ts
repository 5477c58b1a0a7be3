import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/**
 * The import edges that docs/architecture.md promises; a rule that nothing enforces leaks. The first row whose
 * `from` matches decides what a file may import beside its own folder.
 */
const EDGES: { from: RegExp; to: RegExp[] }[] = [
  { from: /^vm\/api\//, to: [/^vm\/api\//] },
  { from: /^vm\/image\//, to: [/^vm\/api\//] },
  { from: /^vm\/agent\/main\.ts$/, to: [/^vm\/(agent|api)\//] },
  { from: /^vm\/agent\/linux\//, to: [/^vm\/api\//] },
  { from: /^vm\/agent\/content\//, to: [/^vm\/api\//] },
  { from: /^vm\/agent\/snapshots\//, to: [/^vm\/api\//, /^vm\/agent\/(linux|content)\//] },
  { from: /^vm\/agent\/runtime\//, to: [/^vm\/api\//, /^vm\/agent\/linux\//] },
  { from: /^vm\/agent\//, to: [/^vm\/(agent|api)\//] },
  {
    from: /^app\/(contract|settings-schema|wire|wire-stream)\.ts$/,
    to: [/^vm\/api\//, /^app\/(contract|settings-schema|sayings|wire|wire-stream|machine\/state)\.ts$/],
  },
  {
    from: /^app\/machine\/image\.ts$/,
    to: [/^vm\/api\//, /^vm\/image\/recipe\.ts$/, /^app\/sayings\.ts$/],
  },
  { from: /^app\/machine\//, to: [/^vm\/api\//, /^app\/(home|atomic-file|sayings)\.ts$/] },
  {
    from: /^app\/(engine|ports)\//,
    to: [/^vm\/api\//, /^app\/machine\/dial\.ts$/, /^app\/(contract|sayings)\.ts$/],
  },
  { from: /^app\//, to: [/^app\//, /^vm\/api\//] },
  {
    from: /^renderer\//,
    to: [
      /^renderer\//,
      /^app\/(contract|settings-schema|sayings|wire|wire-stream|news|machine\/state)\.ts$/,
      /^vm\/api\//,
    ],
  },
  { from: /^e2e\//, to: [/^e2e\//, /^app\/(contract|wire|wire-stream)\.ts$/, /^vm\/api\//] },
]

/** The only files that may import electron. */
const ELECTRON = /^app\/(main|ipc|preload)\.ts$|^app\/shell\//

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

function* sources(folder: string): Generator<string> {
  for (const name of readdirSync(join(root, folder)).sort()) {
    const path = `${folder}/${name}`
    if (statSync(join(root, path)).isDirectory()) yield* sources(path)
    else if (/\.tsx?$/.test(name) && !/\.(test|spec)\.tsx?$/.test(name)) yield path
  }
}

function imports(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map((m) => m[1] ?? '')
}

test('imports follow the edges of the architecture', () => {
  const wrong: string[] = []
  for (const folder of ['app', 'vm', 'renderer', 'e2e']) {
    for (const path of sources(folder)) {
      const edge = EDGES.find((e) => e.from.test(path))
      for (const specifier of imports(path)) {
        if (specifier === 'electron' && !ELECTRON.test(path)) wrong.push(`${path} imports electron`)
        if (!specifier.startsWith('.')) continue
        const target = normalize(join(dirname(path), specifier))
        if (dirname(target) === dirname(path)) continue
        if (target.startsWith(`${dirname(path)}/`)) continue
        if (!edge?.to.some((allowed) => allowed.test(target))) wrong.push(`${path} imports ${target}`)
      }
    }
  }
  expect(wrong).toEqual([])
})

test('every engine route file is free of implementations', () => {
  const wrong = [...sources('vm/agent/http')]
    .flatMap((path) =>
      imports(path).map((specifier) => ({ path, target: normalize(join(dirname(path), specifier)) })),
    )
    .filter(({ target }) => /^vm\/agent\/(linux|runtime|snapshots|content)\//.test(target))
    .map(({ path, target }) => `${path} imports ${target}`)
  expect(wrong).toEqual([])
})
