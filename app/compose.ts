import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Disposal } from '../vm/api/disposal.ts'
import { messageOf } from '../vm/api/errors.ts'
import type { EngineConfig } from '../vm/api/slipway.ts'
import { createApiServer } from './api-server.ts'
import { handlers } from './backend/handlers.ts'
import type { Shell } from './backend/parts.ts'
import { isRunning } from './backend/running.ts'
import { Dispatcher } from './dispatch.ts'
import { EngineClient } from './engine/client.ts'
import { listenLocal } from './engine/local-socket.ts'
import { DockerSocket } from './engine/socket.ts'
import { SharedFolders } from './folders/shared-folders.ts'
import { type Home, prepareHome } from './home.ts'
import { createMachine } from './host-machine.ts'
import type { Machine } from './machine/machine.ts'
import type { Problem } from './machine/state.ts'
import { PublishedPorts } from './ports/published-ports.ts'
import { RegistryAccounts } from './registry-accounts.ts'
import { RegistryCertificates } from './registry-certificates.ts'
import { defaultSettings, engineConfig, hostPlatform, SettingsStore, thisHost } from './settings.ts'
import { Log } from './shell/log.ts'

/** What both entries share: everything but the window. Disposing lets go of the machine without stopping it. */
export interface Host extends AsyncDisposable {
  readonly home: Home
  readonly version: string
  readonly log: Log
  readonly settings: SettingsStore
  readonly machine: Machine
  readonly engine: EngineClient
  readonly dispatcher: Dispatcher
}

export interface HostOptions {
  readonly home: Home
  /** The folder with package.json and dist: the checkout, or the packaged app's files. */
  readonly root: string
  /** The packaged app's resources folder. */
  readonly resources?: string | undefined
  readonly shell: Shell
  readonly echo?: (line: string) => void
}

/**
 * Builds the host process of a home and makes it the home's owner: from then on the control socket answers. Fails with
 * 'conflict' when another process owns the home.
 */
export async function composeHost(options: HostOptions): Promise<Host> {
  const owned = new Disposal()
  try {
    return await build(options, owned)
  } catch (error) {
    await owned[Symbol.asyncDispose]()
    throw error
  }
}

async function build({ home, root, resources, shell, echo }: HostOptions, owned: Disposal): Promise<Host> {
  await prepareHome(home)
  const version = await versionOf(root)
  const log = new Log(home.appLog, echo ? { echo } : {})
  const settings = await SettingsStore.open(home.settings, defaultSettings(thisHost()), log)
  const certificates = owned.use(
    await RegistryCertificates.open({
      path: home.certificates,
      log: (message) => log.warn(message),
      onChange: () => void apply(),
    }),
  )
  const config = (): EngineConfig => engineConfig(settings.value, certificates.value)
  let applied = Promise.resolve()
  // One after the other: the engine is left with what was set last, however long each took.
  const apply = (): Promise<void> => {
    applied = applied.then(() => applyConfig(machine, engine, config(), log))
    return applied
  }
  const machine: Machine = owned.use(
    createMachine({
      home,
      root,
      resources,
      settings,
      engineConfig: config,
      log,
      engine: () => engine,
      onReady: () => ready(socket, ports),
    }),
  )
  const engine = owned.use(new EngineClient(machine.dial))
  const warn = (message: string, details?: Readonly<Record<string, unknown>>): void =>
    log.warn(message, details)
  const socket = owned.use(new DockerSocket({ path: home.dockerSocket, dial: machine.dial, log: warn }))
  const { dial } = machine
  const folders = owned.use(
    new SharedFolders({
      folders: () => settings.value.sharedFolders,
      platform: hostPlatform(),
      ownersFile: home.folderOwners,
      listen: (path, onStream) => machine.listen(path, onStream),
      log: (message) => log.warn(message),
    }),
  )
  const ports = owned.use(
    new PublishedPorts({
      dial,
      monitor: (command, args) => machine.monitor(command, args),
      log: (message) => log.info(message),
      folders: () => folders.serve(),
      onProblem: (message) => {
        if (message === undefined) machine.clear('port_failed')
        else machine.report({ code: 'port_failed', message })
      },
    }),
  )
  owned.push(closeWhenDown(machine, [() => socket.close(), () => ports.stop(), () => folders.stop()], log))
  owned.push(settings.subscribe(() => void apply()))
  const accounts = new RegistryAccounts({
    path: home.registries,
    vault: shell.vault,
    log: (message) => log.warn(message),
  })
  const parts = { version, home, log, settings, machine, engine, ports, accounts, shell }
  const dispatcher = new Dispatcher({ ...handlers(parts), log })
  const control = createApiServer({ dispatcher, refuse: () => undefined })
  await listenLocal(control, home.controlSocket)
  owned.push(async () => {
    control.closeAllConnections()
    await new Promise((resolve) => control.close(resolve))
  })
  log.info(`slipway ${version} owns ${home.root}`, { pid: process.pid, shell: shell.kind })
  const dispose = (): Promise<void> => owned[Symbol.asyncDispose]()
  return { home, version, log, settings, machine, engine, dispatcher, [Symbol.asyncDispose]: dispose }
}

/** The machine's last step: what the host's programs reach it by. */
async function ready(socket: DockerSocket, ports: PublishedPorts): Promise<Problem[]> {
  const published = ports.start()
  try {
    await socket.open()
    await published
    return []
  } catch (error) {
    return [{ code: 'connection_lost', message: `docker socket: ${messageOf(error)}` }]
  }
}

/** While no engine answers behind them, the docker socket is gone and no port is bound. */
function closeWhenDown(machine: Machine, closers: readonly (() => Promise<void>)[], log: Log): () => void {
  return machine.subscribe(({ state }) => {
    if (state !== 'stopped' && state !== 'failed') return
    for (const close of closers) close().catch((error: unknown) => log.error('closing', error))
  })
}

/** What the engine obeys at once; the rest (CPUs, memory, disk) is read at the next start. */
async function applyConfig(
  machine: Machine,
  engine: EngineClient,
  config: EngineConfig,
  log: Log,
): Promise<void> {
  if (!isRunning(machine.state)) return
  try {
    await engine.slipway.setConfig(config)
  } catch (error) {
    log.error('settings were not taken by the engine', error)
  }
}

async function versionOf(root: string): Promise<string> {
  const text = await readFile(join(root, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
