import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {} from 'vitest'
import type { TestProject } from 'vitest/node'
import { startSeededRegistry } from '../fixtures/registry.ts'
import { makeSlipway, type Slipway, startSlipway } from '../fixtures/slipway.ts'
import { everydayFigures, figure, formatFigure, seconds } from '../measure.ts'

declare module 'vitest' {
  interface ProvidedContext {
    home: string
    /** A folder of this computer that is shared with the machine; nothing else is. */
    shared: string
    registry: { port: number; host: string; url: string }
  }
}

/** One registry and one machine for all integration tests; each test removes what it makes. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const registry = await startSeededRegistry()
  const shared = await mkdtemp(join(tmpdir(), 'sw-shared-'))
  const slipway = await makeSlipway({ registry, settings: { sharedFolders: [shared] } })
  const dispose = async () => {
    await slipway[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
    await rm(shared, { recursive: true, force: true })
  }
  const teardown = async () => {
    const summary = process.env['SLIPWAY_FIGURES']
    if (summary) await writeFile(summary, await figures(slipway))
    await dispose()
  }
  try {
    await startSlipway(slipway)
  } catch (error) {
    await dispose()
    throw error
  }
  project.provide('home', slipway.home)
  project.provide('shared', shared)
  project.provide('registry', { port: registry.port, host: registry.host, url: registry.url })
  return teardown
}

/** What a user waits for most, for the summary of the whole run; nothing is asserted, machines are noisy. */
async function figures(slipway: Slipway): Promise<string> {
  try {
    await slipway.slipway('stop')
    const start = figure('slipway start (image cached)', 's', [await seconds(() => startSlipway(slipway))])
    await slipway.docker('pull', '-q', 'busybox')
    const rows = [start, ...(await everydayFigures(slipway.docker, 3))]
    return `${rows.map(formatFigure).join('\n')}\n`
  } catch (error) {
    return `not measured: ${error}\n`
  }
}
