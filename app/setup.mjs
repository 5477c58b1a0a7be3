#!/usr/bin/env node
/**
 * Entry of every npm script, runnable on a bare clone: plain JavaScript, no dependency, Node 20. It makes what a
 * command needs (npm dependencies, built bundles, system packages, VM image) and then runs it. What is there already
 * is reused.
 */
import { ensureBuilt, ensureDependencies } from './setup/build.mjs'
import { ensureImage } from './setup/image.mjs'
import { ensurePackages } from './setup/packages.mjs'
import { fail, run } from './setup/run.mjs'
import { startApp } from './setup/start.mjs'

const [command = 'help', ...args] = process.argv.slice(2)

const commands = {
  async start() {
    await prepare(['app', 'agent', 'renderer'])
    await ensurePackages('machine')
    await ensureImage()
    await startApp(args)
  },
  async slipway() {
    await prepare(['app', 'agent', 'renderer'], { quiet: true })
    return await run(process.execPath, ['dist/app/cli.js', ...args], { check: false })
  },
  async dev() {
    await prepare(['app', 'agent'])
    await ensurePackages('machine')
    await ensureImage()
    await run('npx', ['vite', 'build', 'renderer', '--watch', '--mode', 'development'], { background: true })
    await startApp(args)
  },
  async build() {
    await prepare(['app', 'agent', 'renderer', 'image', 'e2e'], { force: args.includes('--force') })
  },
  async image() {
    await prepare(['image'])
    await ensurePackages('machine')
    await ensureImage(args)
  },
  async test() {
    await testSetup()
    return await run(process.execPath, ['dist/e2e/run.js', ...args], { check: false })
  },
  async e2e() {
    await testSetup()
    return await run(process.execPath, ['dist/e2e/run.js', '--only', 'e2e', ...args], { check: false })
  },
  async bench() {
    await testSetup()
    return await run(process.execPath, ['dist/e2e/bench.js', ...args], { check: false })
  },
  async package() {
    await prepare(['app', 'agent', 'renderer', 'image'])
    await ensurePackages('machine')
    await ensureImage(['--out', 'dist/image'])
    await run('npx', ['electron-builder', '--config', 'electron-builder.yml', ...args])
  },
}

async function prepare(parts, options = {}) {
  await ensureDependencies(options)
  await ensureBuilt(parts, options)
}

async function testSetup() {
  await prepare(['app', 'agent', 'renderer', 'image', 'e2e'])
  await ensurePackages('machine')
  await ensurePackages('test')
  await ensureImage()
}

const major = Number(process.versions.node.split('.')[0])
if (major < 20)
  fail(`Node ${process.versions.node} is too old: Slipway needs Node 20 or newer (https://nodejs.org)`)
const chosen = Object.hasOwn(commands, command) ? commands[command] : undefined
if (!chosen) fail(`unknown command ${command}: one of ${Object.keys(commands).join(', ')}`)
try {
  process.exitCode = (await chosen()) ?? 0
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
