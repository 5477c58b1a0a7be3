/** The engine's composition root: makes every service once, from disk upwards, and serves the socket. */
import { mkdir, readFile, rm } from 'node:fs/promises'
import * as nodeModule from 'node:module'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import * as v from 'valibot'
import { Disposal } from '../api/disposal.ts'
import { messageOf } from '../api/errors.ts'
import { loadContainers } from './containers/boot.ts'
import { BuilderContainers } from './containers/build-containers.ts'
import { linkEngineSocket } from './containers/engine-socket.ts'
import { Execs } from './containers/execs.ts'
import { Files } from './containers/files.ts'
import { Inspection } from './containers/inspection.ts'
import { Lifecycle } from './containers/lifecycle.ts'
import { Members } from './containers/members.ts'
import { NetworkNamespaces } from './containers/network-namespaces.ts'
import type { Parts } from './containers/parts.ts'
import { RootMounts } from './containers/root-mounts.ts'
import { ContainerStore } from './containers/store.ts'
import { Streams } from './containers/streams.ts'
import { Supervisor } from './containers/supervisor.ts'
import { ContainerTable } from './containers/table.ts'
import { VolumeFiles } from './containers/volume-files.ts'
import { FileContentStore } from './content/file-store.ts'
import { EventBus } from './events.ts'
import { Folders } from './folders/folders.ts'
import { FolderMount } from './folders/mount.ts'
import { absentRoutes } from './http/routes/absent.ts'
import { archiveRoutes } from './http/routes/archive.ts'
import { buildRoutes } from './http/routes/build.ts'
import { containerRoutes } from './http/routes/containers.ts'
import { execRoutes } from './http/routes/exec.ts'
import { hostLinkRoutes } from './http/routes/host-link.ts'
import { imageRoutes } from './http/routes/images.ts'
import { networkRoutes } from './http/routes/networks.ts'
import { slipwayPortRoutes } from './http/routes/slipway-ports.ts'
import { systemRoutes } from './http/routes/system.ts'
import { volumeFileRoutes } from './http/routes/volume-files.ts'
import { volumeRoutes } from './http/routes/volumes.ts'
import { HttpServer } from './http/server.ts'
import { Images } from './images/service.ts'
import { MountFlag } from './linux/kernel.ts'
import { LibcKernel } from './linux/libc.ts'
import { NftFirewall } from './network/firewall.ts'
import { HostLink } from './network/host-link.ts'
import { Networks } from './network/service.ts'
import { relayUdp } from './network/udp-relay.ts'
import { CrunRuntime } from './runtime/crun-runtime.ts'
import { OverlayDiffer } from './snapshots/diff.ts'
import { OverlaySnapshotter } from './snapshots/overlay.ts'
import { LayerUnpacker, serveUnpacking } from './snapshots/unpack-worker.ts'
import { ConfigStore, configSchema } from './system/config-store.ts'
import { takeDataDisk } from './system/data-disk.ts'
import { engineId, machineFacts } from './system/identity.ts'
import { log } from './system/log.ts'
import { System } from './system/service.ts'
import { Volumes } from './volumes/service.ts'

const loaded = Math.round(process.uptime() * 1000)
const dataRoot = process.env['SLIPWAY_DATA'] ?? '/var/lib/slipway'
/** Made by the image's `boot` script, for what has to stay in use. */
const KEPT_GROUP = '/sys/fs/cgroup/kept'
const WELCOME = '/usr/share/slipway/welcome.tar'
const runRoot = process.env['SLIPWAY_RUN'] ?? '/run/slipway'

const seedSchema = v.object({ hostname: v.optional(v.string()), config: v.optional(configSchema, {}) })

/** Where the machine is not told anything (tests) the defaults hold. */
async function readSeed(): Promise<v.InferOutput<typeof seedSchema>> {
  try {
    return v.parse(seedSchema, JSON.parse(await readFile(join(runRoot, 'seed', 'machine.json'), 'utf8')))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      log(`seed: ${messageOf(error)}; the defaults are used`)
    }
    return v.parse(seedSchema, {})
  }
}

async function main(): Promise<void> {
  const owned = new Disposal()
  const kernel = new LibcKernel()
  await mkdir(join(runRoot, 'containers'), { recursive: true, mode: 0o711 })
  const [seed, facts] = await Promise.all([readSeed(), machineFacts()])
  const config = await ConfigStore.open(join(runRoot, 'config.json'), seed.config)
  // As systemd has it, and as `-v …:rshared` needs it: what is mounted below a bind can reach other containers.
  kernel.mount({ type: '', source: 'none', target: '/', flags: MountFlag.SHARED | MountFlag.REC })
  try {
    kernel.allowDevices(KEPT_GROUP)
  } catch (error) {
    // The kernel then patches itself with each first and last container, which is slower.
    log(`${KEPT_GROUP}: ${messageOf(error)}`)
  }
  const events = new EventBus()
  const table = new ContainerTable()

  const content = new FileContentStore(join(dataRoot, 'content'))
  const snapshots = new OverlaySnapshotter({
    root: join(dataRoot, 'snapshots'),
    // 127 layers fit mount's page of options only by a short path.
    shortRoot: join(runRoot, 'l'),
    kernel,
  })
  const unpacker = new LayerUnpacker({ snapshots, makeWorker: () => new Worker(new URL(import.meta.url)) })
  owned.use(unpacker)
  const images = owned.use(
    new Images({
      content,
      snapshots,
      applier: unpacker,
      differ: new OverlayDiffer({ snapshots, kernel }),
      root: join(dataRoot, 'images'),
      config: () => config.current,
      events,
      users: (image) =>
        table
          .all()
          .filter(({ record }) => record.image === image || record.mounts.some((m) => m.image === image))
          .map(({ id, name, running }) => ({ id, name, running })),
    }),
  )
  const hostLink = new HostLink()
  const folders = new Folders({
    root: join(runRoot, 'folders'),
    mount: new FolderMount({ kernel, host: hostLink, log, errorFile: join(runRoot, 'folders.log') }),
    config: () => config.current,
    host: hostLink,
    own: ['/dev', '/proc', '/run', '/sys', '/var/run', dataRoot],
    socket: join(runRoot, 'engine.sock'),
  })
  const volumes = new Volumes({
    root: join(dataRoot, 'volumes'),
    kernel,
    events,
    users: (name) =>
      table
        .all()
        .flatMap((container) => (container.record.mounts.some((m) => m.Name === name) ? container.id : [])),
    folders,
  })
  const networks = new Networks({
    root: join(dataRoot, 'networks'),
    runDir: join(runRoot, 'network'),
    hostLink,
    events,
    config: config.current,
    firewall: new NftFirewall(kernel),
    log,
  })
  const runDir = join(runRoot, 'containers')
  const runtime = owned.use(new CrunRuntime({ runDir: join(runRoot, 'runtime'), kernel }))
  const parts: Parts = {
    store: new ContainerStore(join(dataRoot, 'containers')),
    table,
    roots: new RootMounts({ runDir, kernel, snapshots }),
    runtime,
    images,
    snapshots,
    networks,
    namespaces: new NetworkNamespaces(join(runRoot, 'netns'), kernel),
    volumes,
    folders,
    kernel,
    events,
    facts,
    runDir,
    socket: join(runRoot, 'engine.sock'),
    log,
  }
  const supervisor = owned.use(new Supervisor(parts))
  const lifecycle = new Lifecycle(parts, supervisor)
  const inspection = new Inspection(parts)
  const members = new Members(parts)
  const builds = lazyBuilds(async () => {
    const { Builds } = await import('./build/service.ts')
    return new Builds({
      images,
      snapshots,
      containers: new BuilderContainers(parts, lifecycle),
      kernel,
      events,
      root: join(dataRoot, 'build'),
      runDir: join(runRoot, 'build'),
      log,
    })
  })

  const powerOff = async (grace: number) => {
    log(`shutting down: stopping containers, at most ${grace} s`)
    await lifecycle.shutdown(grace)
    kernel.syncFilesystem(dataRoot)
    // The answer goes out first; busybox init then runs the shutdown script and cuts the power.
    setTimeout(() => process.kill(1, 'SIGUSR2'), 100)
  }

  // Nothing above may look at the data disk, or at what two runs of a machine must not have in common.
  const device = process.env['SLIPWAY_DATA_DISK']
  if (device) await takeDataDisk({ device, root: dataRoot }, kernel)
  const system = new System({
    id: await engineId(dataRoot),
    dataRoot,
    events,
    kernel,
    config,
    counts: () => countsOf(table),
    images,
    containers: inspection,
    volumes,
    buildCache: () => builds.records(),
    warnings: () => networks.warnings(),
    onConfig: (next) => networks.configure(next),
    powerOff,
  })

  await networks.open()
  const restore = await loadContainers(parts, supervisor)
  const server = owned.use(
    new HttpServer({
      onError: (error, what) =>
        log(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
      routes: [
        ...systemRoutes(system),
        ...containerRoutes({ lifecycle, inspection, streams: new Streams(parts) }),
        ...execRoutes(new Execs(parts)),
        ...archiveRoutes(new Files(parts, lifecycle)),
        ...imageRoutes(images),
        ...buildRoutes(builds),
        ...networkRoutes(networks, members),
        ...slipwayPortRoutes(members),
        ...hostLinkRoutes({
          accept: (stream) => hostLink.accept(stream),
          relayUdp: (stream, target) => relayUdp(stream, target, log),
        }),
        ...volumeRoutes(volumes),
        ...absentRoutes(),
        ...volumeFileRoutes(new VolumeFiles(volumes, kernel)),
      ],
    }),
  )
  await server.listen(parts.socket)
  await linkEngineSocket(parts.socket)
  log(`engine ready after ${Math.round(process.uptime() * 1000)} ms, of which loading took ${loaded}`)

  const stop = async (signal: string) => {
    log(`${signal}: letting go; containers go on`)
    await rm(parts.socket, { force: true })
    await owned[Symbol.asyncDispose]()
    process.exit(0)
  }
  process.once('SIGTERM', () => void stop('SIGTERM'))
  process.once('SIGINT', () => void stop('SIGINT'))
  await images.open()
  // The first click works with no network at all.
  images.loadOnce(WELCOME, 'welcome').catch((error: unknown) => log(`welcome image: ${messageOf(error)}`))
  await restore()
  // Written at an orderly exit only, otherwise; a machine that is switched off would compile everything again.
  const { flushCompileCache } = nodeModule as { flushCompileCache?: () => void }
  setTimeout(() => flushCompileCache?.(), 5000).unref()
}

type BuildService = import('./build/service.ts').Builds
type Buildkit = BuildService['buildkit']

/** The builder is large and rarely used: it is loaded with the first build. */
function lazyBuilds(load: () => Promise<BuildService>) {
  let service: Promise<BuildService> | undefined
  const get = () => {
    service ??= load()
    return service
  }
  return {
    async *build(...args: Parameters<BuildService['build']>) {
      yield* (await get()).build(...args)
    },
    async *buildkitBuild(...args: Parameters<BuildService['buildkitBuild']>) {
      yield* (await get()).buildkitBuild(...args)
    },
    cancel: async (ref: string) => (await get()).buildkit.cancel(ref),
    prune: async (...args: Parameters<BuildService['prune']>) => (await get()).prune(...args),
    records: async () => (await get()).records(),
    grpc: async (...args: Parameters<Buildkit['grpc']>) => (await get()).buildkit.grpc(...args),
    session: async (...args: Parameters<Buildkit['session']>) => (await get()).buildkit.session(...args),
  }
}

function countsOf(table: ContainerTable) {
  const all = table.all().map((container) => container.state.life.status)
  const running = all.filter((status) => status === 'running' || status === 'restarting').length
  const paused = all.filter((status) => status === 'paused').length
  return { running, paused, stopped: all.length - running - paused, total: all.length }
}

process.on('unhandledRejection', (error) => {
  log(`unhandled: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
})

if (isMainThread) await main()
else if (parentPort) serveUnpacking(parentPort, new LibcKernel())
