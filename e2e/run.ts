/**
 * `npm test`: the static checks, unit tests, root tests, integration tests in a real VM and the end-to-end specs, one
 * after the other, and one closing line. `--only NAME` runs one of them; further arguments go to its runner.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unpackPackages } from './fixtures/debian.ts'
import { guestNode } from './fixtures/guest-node.ts'
import { type Counts, playwrightReport, type Report, vitestReport } from './reports.ts'

interface Suite {
  name: string
  /** Runs only with `--only`. */
  onRequest?: boolean
  command(report: string): [string, string[]]
  /** Another Node than ours, and what else its runner is told by the environment. */
  setting?(): Promise<{ node: string; env: Record<string, string> }>
  /** Reads the runner's report; without one the exit code counts as one test. */
  report?(path: string): Promise<Report>
}

/** What the integration tests measured on the way, for the summary. */
const FIGURES = 'figures.txt'

const bin = (path: string) => join('node_modules', path)

const suites: Suite[] = [
  { name: 'lint', command: () => [bin('.bin/biome'), ['check', '--error-on-warnings', '.']] },
  { name: 'types', command: () => [bin('.bin/tsc'), ['-b']] },
  vitest('unit'),
  { ...vitest('root'), setting: rootSetting },
  vitest('machine'),
  vitest('integration'),
  { ...vitest('extended'), onRequest: true },
  {
    name: 'e2e',
    command: () => [
      process.execPath,
      [bin('playwright/cli.js'), 'test', '--config', 'e2e/playwright.config.ts', '--reporter', 'list,json'],
    ],
    report: playwrightReport,
  },
]

function vitest(name: string): Suite {
  return {
    name,
    command: (report) => [
      process.execPath,
      [
        bin('vitest/vitest.mjs'),
        'run',
        '--project',
        name,
        '--reporter',
        'default',
        '--reporter',
        'json',
        '--outputFile',
        report,
      ],
    ],
    report: vitestReport,
  }
}

/** The image service's tests call the kernel as the engine does, so they need the engine's Node. */
async function rootSetting() {
  const registry = join(await unpackPackages('docker-registry'), 'usr/bin/docker-registry')
  return { node: await guestNode(), env: { DOCKER_REGISTRY: registry } }
}

async function runSuite(suite: Suite, extra: string[], folder: string): Promise<Report> {
  const report = join(folder, `${suite.name}.json`)
  const [given, args] = suite.command(report)
  const setting = await suite.setting?.()
  const command = setting?.node ?? given
  process.stdout.write(`\n=== ${suite.name}\n`)
  const started = Date.now()
  const code = await new Promise<number>((resolve, reject) => {
    const child = spawn(command, [...args, ...extra], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        ...setting?.env,
        PLAYWRIGHT_JSON_OUTPUT_NAME: report,
        SLIPWAY_FIGURES: join(folder, FIGURES),
        FORCE_COLOR: process.stdout.isTTY ? '1' : '0',
      },
    })
    child.once('error', reject)
    child.once('close', (status) => resolve(status ?? 128))
  })
  const plain = { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, failures: [] }
  const counts = suite.report ? await suite.report(report).catch(() => plain) : plain
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  if (counts.failed > 0 && counts.failures.length === 0) counts.failures = [`exit code ${code}`]
  process.stdout.write(
    `=== ${suite.name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${Math.round((Date.now() - started) / 1000)} s\n`,
  )
  return counts
}

const USAGE = `npm test                            all suites
npm test -- --only NAME [ARGS...]   one of them; ARGS go to its runner (a file, -t PATTERN …)
suites: ${suites.map(({ name, onRequest }) => (onRequest ? `${name} (on request only)` : name)).join(', ')}
`

const [flag, only, ...args] = process.argv.slice(2)
const chosen = suites.filter(({ name, onRequest }) => (flag === undefined ? !onRequest : name === only))
if (flag === '--help' || (flag !== undefined && flag !== '--only') || chosen.length === 0) {
  process.stdout.write(USAGE)
  process.exit(flag === '--help' ? 0 : 2)
}
const folder = await mkdtemp(join(tmpdir(), 'slipway-test-'))
const total: Counts = { passed: 0, failed: 0, skipped: 0 }
const failures: string[] = []
for (const suite of chosen) {
  const counts = await runSuite(suite, args, folder)
  failures.push(...counts.failures.map((text) => `${suite.name}: ${text}`))
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += counts[key]
}
const figures = await readFile(join(folder, FIGURES), 'utf8').catch(() => undefined)
if (figures)
  process.stdout.write(
    `\nmedian (fastest – slowest) on this machine, after the integration tests\n${figures}`,
  )
await rm(folder, { recursive: true, force: true })
if (failures.length > 0) process.stdout.write(`\n${failures.join('\n\n')}\n`)
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0
