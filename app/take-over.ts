import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError, kindOf } from '../vm/api/errors.ts'
import { composeHost, type Host, type HostOptions } from './compose.ts'
import { ControlClient } from './control-client.ts'

/** How long a background process may take to let go of the home. */
const DEADLINE = 30_000

/**
 * Becomes the owner of a home. A background process that the command line started hands it over, machine running; one
 * with a window of its own keeps it: then this fails with 'conflict'.
 */
export async function takeOver(options: HostOptions): Promise<Host> {
  try {
    return await composeHost(options)
  } catch (error) {
    if (kindOf(error) !== 'conflict') throw error
    const client = new ControlClient(options.home.controlSocket)
    const { headless } = await client.call('app.info', [])
    if (!headless) throw error
    await client.call('app.release', [])
    return await composeWhenFree(options)
  }
}

async function composeWhenFree(options: HostOptions): Promise<Host> {
  const deadline = Date.now() + DEADLINE
  for (;;) {
    try {
      return await composeHost(options)
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === 'conflict') || Date.now() > deadline) throw error
      await sleep(50)
    }
  }
}
