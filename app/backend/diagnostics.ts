import { createWriteStream } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { arch, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack } from 'tar-stream'
import { messageOf } from '../../vm/api/errors.ts'
import { withDeadline } from '../../vm/api/with-deadline.ts'
import type { Parts } from './parts.ts'
import { withoutSecrets } from './secrets.ts'

/** Of each log: the end is where the trouble is. */
const LOG_BYTES = 1_000_000
const LOGS = ['app.log', 'app.log.1', 'serial.log', 'serial.previous.log', 'qemu.log', 'machine.json']

/**
 * One archive with what somebody needs to help: logs, state, settings, versions. Keys are never in it and secrets are
 * taken out of the rest. Works whatever state the machine is in.
 */
export async function diagnostics(
  { version, home, machine, settings, engine }: Parts,
  { signal }: { signal: AbortSignal },
): Promise<{ path: string }> {
  await mkdir(home.diagnostics, { recursive: true, mode: 0o700 })
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-')
  const path = join(home.diagnostics, `slipway-diagnostics-${stamp}.tar.gz`)
  const tar = pack()
  const written = pipeline(tar, createGzip(), createWriteStream(path, { mode: 0o600 }), { signal })
  const add = (name: string, text: string): void => {
    tar.entry({ name: `slipway-diagnostics/${name}`, mode: 0o600 }, withoutSecrets(text))
  }
  const asJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
  add(
    'host.json',
    asJson({
      version,
      node: process.version,
      platform: process.platform,
      arch: arch(),
      release: release(),
      cpus: cpus().length,
      memory: totalmem(),
    }),
  )
  add('state.json', asJson(machine.state))
  add('settings.json', asJson(settings.value))
  const asked = withDeadline(5000, signal)
  add(
    'engine.json',
    await tryJson(() =>
      Promise.all([engine.system.version({ signal: asked }), engine.system.info({ signal: asked })]),
    ),
  )
  add('containers.json', await tryJson(() => engine.containers.list({ all: true }, { signal: asked })))
  for (const name of LOGS) {
    const text = await endOf(join(home.root, name))
    if (text !== undefined) add(name, text)
  }
  tar.finalize()
  await written
  return { path }
}

async function tryJson(read: () => Promise<unknown>): Promise<string> {
  try {
    return `${JSON.stringify(await read(), undefined, 2)}\n`
  } catch (error) {
    return `${JSON.stringify({ error: messageOf(error) })}\n`
  }
}

async function endOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path)).subarray(-LOG_BYTES).toString('utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    return `not readable: ${messageOf(error)}\n`
  }
}
