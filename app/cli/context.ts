import { spawn } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError, kindOf } from '../../vm/api/errors.ts'
import { withDeadline } from '../../vm/api/with-deadline.ts'
import type { ControlClient } from '../control-client.ts'
import type { Home } from '../home.ts'
import type { Output } from './output.ts'

/** What a command works with. */
export interface Context {
  readonly home: Home
  readonly root: string
  readonly version: string
  readonly out: Output
  readonly client: ControlClient
  readonly signal: AbortSignal
}

/** How long a fresh owner may take until it answers. */
const OWNER_DEADLINE = 60_000

/** Whether a process owns the home. */
export async function hasOwner({ client }: Pick<Context, 'client'>): Promise<boolean> {
  try {
    await client.call('app.info', [])
    return true
  } catch (error) {
    if (kindOf(error) === 'unavailable') return false
    throw error
  }
}

/** Makes sure that a process owns the home; starts one in the background when there is none. */
export async function ensureOwner(
  context: Context,
  flags: readonly string[] = ['--headless'],
): Promise<void> {
  if (await hasOwner(context)) return
  const { home, root, signal } = context
  await mkdir(home.root, { recursive: true, mode: 0o700 })
  const errors = await open(join(home.root, 'owner.log'), 'w', 0o600)
  try {
    const child = spawn(process.execPath, [join(root, 'dist', 'app', 'serve.js'), ...flags], {
      detached: true,
      stdio: ['ignore', 'ignore', errors.fd],
      env: { ...process.env, SLIPWAY_HOME: home.root },
      windowsHide: true,
    })
    child.unref()
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    await untilAnswering(context, ended, withDeadline(OWNER_DEADLINE, signal))
  } finally {
    await errors.close()
  }
}

async function untilAnswering(
  context: Context,
  ended: Promise<number | null>,
  signal: AbortSignal,
): Promise<void> {
  let exit: number | null | undefined
  void ended.then((code) => {
    exit = code ?? 1
  })
  while (!(await hasOwner(context))) {
    if (exit) throw await ownerFailed(context)
    if (signal.aborted) throw new EngineError('unavailable', 'the background process did not answer in time')
    await sleep(25)
  }
}

async function ownerFailed({ home }: Context): Promise<EngineError> {
  const file = await open(join(home.root, 'owner.log'), 'r')
  try {
    const text = (await file.readFile('utf8')).trim()
    return new EngineError('unavailable', `the background process ended: ${text || 'without a word'}`)
  } finally {
    await file.close()
  }
}
