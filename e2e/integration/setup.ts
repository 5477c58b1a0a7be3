import type {} from 'vitest'
import type { TestProject } from 'vitest/node'
import { startSeededRegistry } from '../fixtures/registry.ts'
import { makeSlipway, startSlipway } from '../fixtures/slipway.ts'

declare module 'vitest' {
  interface ProvidedContext {
    home: string
    registry: { port: number; host: string; url: string }
  }
}

/** One registry and one machine for all integration tests; each test removes what it makes. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const registry = await startSeededRegistry()
  const slipway = await makeSlipway({ registry })
  const teardown = async () => {
    await slipway[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
  }
  try {
    await startSlipway(slipway)
  } catch (error) {
    await teardown()
    throw error
  }
  project.provide('home', slipway.home)
  project.provide('registry', { port: registry.port, host: registry.host, url: registry.url })
  return teardown
}
