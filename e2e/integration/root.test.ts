import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Context, context } from './context.ts'

/**
 * The engine's tests against the real kernel, in the machine: each file becomes one bundle and runs there as root with
 * the image's Node. The image tests need GNU tar and a registry and run on the host instead (project `root`).
 */
const FILES = readdirSync('vm/agent', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.root.test.ts') && !path.startsWith('images/'))
  .map((path) => `vm/agent/${path}`)
const FOLDER = '/var/lib/slipway/root-tests'
const NODE = 'node --experimental-ffi --disable-warning=ExperimentalWarning --test-reporter=spec'

let c: Context
beforeAll(async () => {
  c = await context()
  const dig = await readFile('e2e/fixtures/dig.mjs', 'utf8')
  const place = `mkdir -p ${FOLDER}/bin && cat >${FOLDER}/bin/dig && chmod 755 ${FOLDER}/bin/dig`
  expect(await guest(place, dig)).toMatchObject({ code: 0 })
})
afterAll(async () => {
  await guest(`rm -rf ${FOLDER}`)
})

/** `slipway ssh COMMAND` with `input` on its stdin. */
function guest(command: string, input = ''): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['dist/app/cli.js', 'ssh', command], {
      env: { ...process.env, ...c.env },
    })
    let output = ''
    child.stdout.on('data', (data: Buffer) => (output += data))
    child.stderr.on('data', (data: Buffer) => (output += data))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

async function bundle(input: string): Promise<string> {
  const build = await rolldown({ input, platform: 'node', external: [/^node:/], logLevel: 'silent' })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  await build.close()
  return output[0].code
}

// Hundreds of processes in an emulated machine: on a busy host the longest file has taken three minutes.
test.each(FILES)('%s', { timeout: 600_000 }, async (file) => {
  const name = file.replaceAll('/', '-').replace(/\.ts$/, '.mjs')
  const path = join(FOLDER, name)
  expect(await guest(`cat >${path}`, await bundle(file))).toMatchObject({ code: 0 })
  // The network service changes the network that it runs in.
  const place = file.includes('/network/') ? 'unshare -n ' : ''
  const env = `SLIPWAY_TEST_DIR=${FOLDER} TMPDIR=${FOLDER} PATH=${FOLDER}/bin:/usr/sbin:$PATH`
  const { code, output } = await guest(`${env} ${place}${NODE} ${path}`)
  const failures = output.slice(Math.max(0, output.indexOf('failing tests')))
  expect(code, failures.slice(0, 20_000)).toBe(0)
  expect(output).toMatch(/pass [1-9]/)
})
