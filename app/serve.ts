/**
 * Entry without Electron: owns a home, serves its window to an ordinary browser on the loopback and the contract to the
 * `slipway` command. `--headless` is how `slipway start` runs it: silent, no browser, gone when the machine stops.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { EngineError, messageOf } from '../vm/api/errors.ts'
import type { Host } from './compose.ts'
import { ControlClient } from './control-client.ts'
import { exitWhenStopped } from './headless.ts'
import { type Home, resolveHome } from './home.ts'
import { allowedExternal, hasDisplay, openInBrowser } from './open-url.ts'
import { takeOver } from './take-over.ts'
import { WebServer } from './web-server.ts'

const root = join(import.meta.dirname, '..', '..')
const { values: flags } = parseArgs({
  options: {
    headless: { type: 'boolean', default: false },
    'no-open': { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
  },
})

function say(line: string): void {
  if (!flags.headless) process.stdout.write(`${line}\n`)
}

async function serve(home: Home): Promise<void> {
  let host: Host | undefined
  let web: Promise<WebServer> | undefined
  const address = async (): Promise<string> => {
    if (!host) throw new EngineError('unavailable', 'starting')
    const { dispatcher, log } = host
    const folder = join(root, 'dist', 'renderer')
    web ??= WebServer.listen({ dispatcher, folder, port: Number(flags.port), log })
    return (await web).address()
  }
  let ending = false
  const end = async (stopMachine: boolean): Promise<void> => {
    if (ending) process.exit(1)
    ending = true
    if (stopMachine && host && host.machine.state.state !== 'stopped') {
      say('Stopping the machine (Ctrl+C again leaves it running)')
      await host.machine.stop().catch((error: unknown) => host?.log.error('stop failed', error))
    }
    await (await web)?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
    process.exit(0)
  }
  host = await takeOver({
    home,
    root,
    shell: {
      kind: 'browser',
      headless: flags.headless,
      locale: () => Intl.DateTimeFormat().resolvedOptions().locale,
      openExternal: async (url) => void (await openInBrowser(allowedExternal(url))),
      open: async () => ({ url: await address() }),
      quit: ({ stopMachine }) => void setTimeout(() => void end(stopMachine), 100),
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(true))
  const { log } = host
  process.on('uncaughtException', (error) => log.error('uncaught', error))
  process.on('unhandledRejection', (error) => log.error('unhandled', error))
  if (flags.headless) {
    exitWhenStopped(host.machine, { exit: () => void end(false), needed: () => web !== undefined })
    await host.machine
      .attach()
      .catch((error: unknown) => log.error('the running machine was not taken over', error))
    return
  }
  await present(host, await address())
}

/** Says where the window is, opens it when it can be seen, and starts the engine when the user wants that. */
async function present({ machine, settings, log }: Host, url: string): Promise<void> {
  say(`Slipway is at ${url}`)
  if (!flags['no-open'] && hasDisplay()) await openInBrowser(url)
  let last = ''
  machine.subscribe((state) => {
    const line = state.state === 'starting' ? `Engine: starting (${state.step})` : `Engine: ${state.state}`
    if (line !== last && !(last === '' && state.state === 'stopped')) say(line)
    last = line
  })
  try {
    if (settings.value.startEngineOnOpen) await machine.start()
    else await machine.attach()
  } catch (error) {
    log.error('the engine did not start', error)
    say(`The engine did not start: ${messageOf(error)}`)
  }
}

/** Another process owns the home: its window is the one to show. */
async function showOther(home: Home): Promise<void> {
  const { url } = await new ControlClient(home.controlSocket).call('app.open', [])
  say(
    url === undefined
      ? 'Slipway is already running; its window was opened.'
      : `Slipway is already running at ${url}`,
  )
  if (url !== undefined && !flags['no-open'] && hasDisplay()) await openInBrowser(url)
}

try {
  const home = resolveHome()
  try {
    await serve(home)
  } catch (error) {
    if (!(error instanceof EngineError && error.kind === 'conflict')) throw error
    await showOther(home)
  }
} catch (error) {
  process.stderr.write(`slipway: ${messageOf(error)}\n`)
  if (error instanceof EngineError && error.hint) process.stderr.write(`${error.hint}\n`)
  process.exitCode = 1
}
