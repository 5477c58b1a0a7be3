import { once } from 'node:events'
import { kindOf } from '../../vm/api/errors.ts'
import { tailFile } from '../backend/file-tail.ts'
import { hasDisplay, openInBrowser } from '../open-url.ts'
import { type Command, UsageError } from './command.ts'
import { ensureOwner, hasOwner } from './context.ts'

export const open: Command = {
  usage: '',
  summary: 'Opens the window (or prints its address where there is no display).',
  async run(context) {
    const { client, out } = context
    await ensureOwner(context, ['--no-open'])
    const { url } = await client.call('app.open', [])
    if (url === undefined) return 0
    const opened = hasDisplay() && (await openInBrowser(url))
    out[opened ? 'note' : 'line'](opened ? 'Opened in the browser.' : url)
    return 0
  },
}

export const env: Command = {
  usage: '',
  summary: 'Prints what makes docker commands in this shell use Slipway.',
  help: 'bash, zsh:    eval "$(slipway env)"\nPowerShell:   slipway env | Invoke-Expression',
  async run({ home, out }) {
    const powershell = process.platform === 'win32'
    out.line(powershell ? `$Env:DOCKER_HOST = "${home.dockerHost}"` : `export DOCKER_HOST=${home.dockerHost}`)
    return 0
  },
}

/** Milliseconds: until the guest's first line, and between two of what is there already. */
const FIRST = 10_000
const PAUSE = 700

const SOURCES = ['serial', 'app', 'engine'] as const

export const logs: Command = {
  usage: '[serial|app|engine] [--follow]',
  summary: 'Prints a log: the machine’s console, the app’s own (default), or the engine’s.',
  words: [0, 1],
  flags: { follow: { type: 'boolean', short: 'f', help: 'Go on printing what is added.' } },
  async run({ home, client, signal }, { words, flags }) {
    const source = SOURCES.find((name) => name === (words[0] ?? 'app'))
    if (source === undefined) throw new UsageError(`slipway logs: no such log: ${words[0]}`)
    const quiet = new AbortController()
    const ended = AbortSignal.any([signal, quiet.signal])
    const once = flags['follow'] !== true
    const path = source === 'serial' ? home.serialLog : home.appLog
    // The engine's log is followed in the guest: it is all there once nothing more comes for a moment.
    const texts =
      source === 'engine'
        ? client.open('machine.logs', ['engine'], { signal: ended })
        : tailFile(path, { signal: ended, once })
    let timer: NodeJS.Timeout | undefined
    const endAfter = (milliseconds: number): void => {
      clearTimeout(timer)
      if (once && source === 'engine') timer = setTimeout(() => quiet.abort(), milliseconds)
    }
    try {
      endAfter(FIRST)
      for await (const text of texts) {
        endAfter(PAUSE)
        if (!process.stdout.write(text)) await drain()
      }
    } catch (error) {
      if (kindOf(error) !== 'cancelled') throw error
    } finally {
      clearTimeout(timer)
    }
    return 0
  },
}

async function drain(): Promise<void> {
  await once(process.stdout, 'drain')
}

export const version: Command = {
  usage: '',
  summary: 'Prints the versions of Slipway and, when it runs, its engine.',
  async run(context) {
    const { out, client, version } = context
    out.line(`slipway ${version}`)
    if (!(await hasOwner(context))) return 0
    try {
      const engine = await client.call('system.version', [])
      out.line(`engine ${engine.Version} (API ${engine.ApiVersion}, Linux ${engine.KernelVersion})`)
    } catch (error) {
      if (kindOf(error) !== 'unavailable') throw error
    }
    return 0
  },
}
