import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, run, step } from './run.mjs'

/** What each part is bundled from. A part is built again when the list, a size or a time of its files changes. */
const PARTS = {
  app: {
    sources: ['app', 'vm/api', 'vm/image'],
    command: ['rolldown', '-c', 'rolldown.config.ts', '--environment', 'PART:app'],
  },
  agent: {
    sources: ['vm/agent', 'vm/api'],
    command: ['rolldown', '-c', 'rolldown.config.ts', '--environment', 'PART:agent'],
  },
  image: {
    sources: ['vm/image', 'vm/api'],
    command: ['rolldown', '-c', 'rolldown.config.ts', '--environment', 'PART:image'],
  },
  renderer: {
    sources: ['renderer', 'app', 'vm/api'],
    command: ['vite', 'build', 'renderer', '--logLevel', 'warn'],
  },
  e2e: {
    sources: ['e2e', 'app', 'vm/api'],
    command: ['rolldown', '-c', 'rolldown.config.ts', '--environment', 'PART:e2e'],
  },
}

/** npm dependencies as the lock file says, installed again only when it changes. */
export async function ensureDependencies({ quiet = false } = {}) {
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex')
  const stamp = join(ROOT, 'node_modules', '.slipway-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  step('installing npm dependencies')
  await run(
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'],
    { quiet },
  )
  writeFileSync(stamp, lock)
}

/** Bundles the parts that changed. */
export async function ensureBuilt(parts, { force = false } = {}) {
  for (const part of parts) {
    const { sources, command } = PARTS[part]
    const stamp = join(ROOT, 'dist', `.${part}`)
    const now = fingerprint(sources)
    if (!force && existsSync(stamp) && readFileSync(stamp, 'utf8') === now) continue
    step(`building ${part}`)
    await run(process.execPath, [binary(command[0]), ...command.slice(1)], { quiet: true })
    mkdirSync(join(ROOT, 'dist'), { recursive: true })
    writeFileSync(stamp, now)
  }
}

/** The JavaScript file behind a package's command, so that no shell and no npx is needed. */
function binary(name) {
  const folder = join(ROOT, 'node_modules', name)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof bin === 'string' ? bin : bin[name])
}

function fingerprint(sources) {
  const hash = createHash('sha256')
  const visit = (path) => {
    for (const entry of readdirSync(join(ROOT, path), { withFileTypes: true })) {
      const child = `${path}/${entry.name}`
      if (entry.isDirectory()) visit(child)
      else if (!/\.(test|spec)\.tsx?$/.test(entry.name)) add(child)
    }
  }
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(ROOT, path))
    hash.update(`${path} ${size} ${mtimeMs}\n`)
  }
  for (const source of sources) visit(source)
  for (const path of ['package-lock.json', 'rolldown.config.ts']) add(path)
  return hash.digest('hex')
}
