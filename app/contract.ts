/**
 * The whole contract between the user interfaces (window, browser, CLI) and the host process. A method or stream is
 * declared here once, with a schema for its arguments; the receiver validates, the handler table is total over it.
 * Pure: imports nothing but the engine's wire types and the state unions.
 *
 * Methods answer one value. Streams send values until they end or fail; `In` is what the client may send back.
 * Bytes are Uint8Array end to end. How calls and streams travel over HTTP + WebSocket and over Electron's IPC is
 * specified in app/wire.ts.
 */
import * as v from 'valibot'
import type {
  Change,
  ContainerInspect,
  ContainerStats,
  ContainerSummary,
  ContainersPruneResponse,
  TopResponse,
} from '../vm/api/containers.ts'
import type {
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImageSearchResult,
  ImageSummary,
  ImagesPruneResponse,
  ProgressMessage,
} from '../vm/api/images.ts'
import type { NetworkInspect } from '../vm/api/networks.ts'
import type { ContainerFile, MachineUsage, PublishedPort } from '../vm/api/slipway.ts'
import type { DiskUsage, EventMessage, SystemInfo, VersionResponse } from '../vm/api/system.ts'
import type { Volume } from '../vm/api/volumes.ts'
import type { MachineState } from './machine/state.ts'
import type { Settings } from './settings-schema.ts'
import { settingsPatchSchema } from './settings-schema.ts'

declare const RESULT: unique symbol
declare const OUT: unique symbol
declare const IN: unique symbol

type Tuple = v.GenericSchema<unknown, readonly unknown[]>

export interface Method<A extends readonly unknown[], R> {
  readonly args: v.GenericSchema<unknown, A>
  readonly [RESULT]?: R
}
export interface Stream<A extends readonly unknown[], Out, In> {
  readonly args: v.GenericSchema<unknown, A>
  readonly input?: v.GenericSchema<unknown, In>
  readonly [OUT]?: Out
  readonly [IN]?: In
}

function method<R>() {
  return <S extends Tuple>(args: S): Method<v.InferOutput<S>, R> => ({ args: args as never })
}
function stream<Out>() {
  return <S extends Tuple>(args: S): Stream<v.InferOutput<S>, Out, never> => ({ args: args as never })
}
function duplex<Out>() {
  return <S extends Tuple, I extends v.GenericSchema>(
    args: S,
    input: I,
  ): Stream<v.InferOutput<S>, Out, v.InferOutput<I>> => ({
    args: args as never,
    input: input as never,
  })
}

const none = v.tuple([])
const id = v.pipe(v.string(), v.minLength(1), v.maxLength(4096))
const flag = v.boolean()
const seconds = v.pipe(v.number(), v.integer(), v.minValue(0))
/** Docker's own JSON for bodies: checked by the engine, which is the receiving edge for it. */
const body = v.record(v.string(), v.unknown())
const filters = v.record(v.string(), v.array(v.string()))
const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes')
const size = v.object({
  rows: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)),
  columns: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096)),
})
const port = v.object({
  containerPort: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
  protocol: v.picklist(['tcp', 'udp']),
  hostIp: v.string(),
  hostPort: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535)),
})

/** How a terminal is opened: a new process, or the container's main process. */
const terminal = v.variant('kind', [
  v.object({
    kind: v.literal('exec'),
    container: id,
    command: v.pipe(v.array(v.string()), v.minLength(1)),
    user: v.optional(v.string()),
    workdir: v.optional(v.string()),
    privileged: v.optional(v.boolean()),
    size,
  }),
  v.object({ kind: v.literal('attach'), container: id, size }),
  /** A shell from the VM inside the container's namespaces, for images without one. */
  v.object({ kind: v.literal('debug'), container: id, size }),
  /** A shell in the VM itself, or a command for its shell. */
  v.object({ kind: v.literal('vm'), command: v.exactOptional(v.string()), size }),
])
const terminalInput = v.variant('type', [
  v.object({ type: v.literal('data'), data: bytes }),
  v.object({ type: v.literal('resize'), size }),
])
export type TerminalTarget = v.InferOutput<typeof terminal>
export type TerminalInput = v.InferOutput<typeof terminalInput>

/** What a command in the VM says; the last value is its exit code, or the signal (`SIGKILL`) that ended it. */
export type RunOutput =
  | { stream: 'stdout' | 'stderr'; data: Uint8Array }
  | { exit: { code: number } | { signal: string } }

export type LogChunk = { stream: 'stdout' | 'stderr'; data: Uint8Array }

/** Where one published port's bytes go, hop by hop, as the Ports tab shows it. */
export interface PortRoute {
  port: PublishedPort
  model: 'direct' | 'double'
  hops: { label: 'host' | 'vm' | 'container'; address: string; port: number }[]
  state: { listening: true } | { listening: false; error: string }
}

export interface AppInfo {
  version: string
  platform: 'darwin' | 'win32' | 'linux'
  arch: string
  /** Window chrome and native features exist only under Electron. */
  shell: 'electron' | 'browser'
  /** No window yet: started by the command line, ends with the machine. */
  headless: boolean
  home: string
  /** What `slipway env` exports as DOCKER_HOST. */
  dockerHost: string
  /** BCP 47, of the operating system. */
  locale: string
}

/** A registry that this user is signed in to; its password never leaves the host process. */
export interface RegistryAccount {
  /** `host[:port]`; Docker Hub is `docker.io`. */
  host: string
  user: string
  /** `docker`: what `docker login` left in the docker CLI's own configuration, which is only read. */
  source: 'slipway' | 'docker'
  /** False when its password was sealed by the desktop app and this process cannot open it. */
  usable: boolean
}
export interface RegistryAccountList {
  accounts: RegistryAccount[]
  /** Where passwords are kept: the operating system's safe, or a file that only its owner can read. */
  storage: 'keychain' | 'file'
}

/** A file or folder inside a container. */
export type FileEntry = ContainerFile

export const methods = {
  'app.info': method<AppInfo>()(none),
  'app.openExternal': method<void>()(v.tuple([v.pipe(v.string(), v.url())])),
  'app.diagnostics': method<{ path: string }>()(none),
  /** Stops the machine and ends the host process. */
  'app.quit': method<void>()(none),
  /** Ends a background process without stopping its machine, so that one with a window can take over. */
  'app.release': method<void>()(none),
  /** Shows the window; in the browser entry answers a fresh one-time address of the page. */
  'app.open': method<{ url?: string }>()(none),

  'settings.get': method<Settings>()(none),
  'settings.set': method<Settings>()(v.tuple([settingsPatchSchema])),
  /** What this computer gets that never chose anything. */
  'settings.defaults': method<Settings>()(none),

  /** Folders of this computer to choose from, as far as they are shared: those whose path begins with the text. */
  'folders.complete': method<string[]>()(v.tuple([v.string()])),
  /** The system's dialog; undefined when it was given up, not_implemented in the browser entry. */
  'folders.choose': method<string | undefined>()(none),

  'machine.state': method<MachineState>()(none),
  'machine.start': method<void>()(none),
  'machine.stop': method<void>()(none),
  'machine.restart': method<void>()(none),
  'machine.usage': method<MachineUsage & { process: { rss: number } }>()(none),
  'machine.reset': method<void>()(v.tuple([v.picklist(['settings', 'containers', 'everything'])])),

  'system.version': method<VersionResponse>()(none),
  'system.info': method<SystemInfo>()(none),
  'system.df': method<DiskUsage>()(none),

  'containers.list': method<ContainerSummary[]>()(
    v.tuple([v.object({ all: flag, filters: v.optional(filters), size: v.optional(flag) })]),
  ),
  'containers.inspect': method<ContainerInspect>()(v.tuple([id])),
  'containers.create': method<{ Id: string; Warnings: string[] }>()(v.tuple([v.optional(v.string()), body])),
  'containers.start': method<void>()(v.tuple([id])),
  'containers.stop': method<void>()(v.tuple([id, v.optional(seconds)])),
  'containers.restart': method<void>()(v.tuple([id, v.optional(seconds)])),
  'containers.kill': method<void>()(v.tuple([id, v.optional(v.string())])),
  'containers.pause': method<void>()(v.tuple([id])),
  'containers.unpause': method<void>()(v.tuple([id])),
  'containers.rename': method<void>()(v.tuple([id, id])),
  'containers.update': method<{ Warnings: string[] | null }>()(v.tuple([id, body])),
  'containers.remove': method<void>()(
    v.tuple([id, v.object({ force: v.optional(flag), volumes: v.optional(flag) })]),
  ),
  'containers.prune': method<ContainersPruneResponse>()(none),
  'containers.top': method<TopResponse>()(v.tuple([id])),
  'containers.changes': method<Change[] | null>()(v.tuple([id])),
  /** Recreates with a changed configuration, keeping name, volumes and networks; rolls back when the new one fails to start. */
  'containers.recreate': method<{ Id: string }>()(v.tuple([id, body])),
  'containers.files': method<FileEntry[]>()(v.tuple([id, v.string()])),
  'containers.readFile': method<Uint8Array>()(v.tuple([id, v.string()])),
  'containers.writeFile': method<void>()(v.tuple([id, v.string(), bytes, v.optional(v.number())])),
  'containers.deleteFile': method<void>()(v.tuple([id, v.string()])),
  'containers.ports': method<PortRoute[]>()(v.tuple([id])),
  'containers.setPorts': method<PublishedPort[]>()(v.tuple([id, v.array(port)])),
  'ports.free': method<{ free: boolean; holder?: string; next: number }>()(
    v.tuple([v.string(), port.entries.hostPort, port.entries.protocol]),
  ),

  /** Whether something answers HTTP on a port of this computer's loopback; waits some seconds for a program that starts. */
  'ports.answers': method<boolean>()(v.tuple([port.entries.containerPort])),

  'images.list': method<ImageSummary[]>()(v.tuple([v.optional(filters)])),
  'images.inspect': method<ImageInspect>()(v.tuple([id])),
  'images.history': method<ImageHistoryItem[]>()(v.tuple([id])),
  'images.tag': method<void>()(v.tuple([id, id])),
  'images.remove': method<ImageDeleteItem[]>()(v.tuple([id, v.object({ force: v.optional(flag) })])),
  'images.prune': method<ImagesPruneResponse>()(v.tuple([v.object({ all: flag })])),
  /** Tags that the image's registry lists, for completion. */
  'images.tags': method<string[]>()(v.tuple([id])),
  /** What a registry finds, Docker Hub unless the term begins with another's host: `ghcr.io/word`. */
  'images.search': method<ImageSearchResult[]>()(v.tuple([id])),

  'volumes.list': method<Volume[]>()(none),
  'volumes.create': method<Volume>()(v.tuple([body])),
  'volumes.remove': method<void>()(v.tuple([id, v.object({ force: v.optional(flag) })])),
  'volumes.files': method<FileEntry[]>()(v.tuple([id, v.string()])),
  'volumes.readFile': method<Uint8Array>()(v.tuple([id, v.string()])),
  'volumes.writeFile': method<void>()(v.tuple([id, v.string(), bytes, v.optional(v.number())])),
  'volumes.deleteFile': method<void>()(v.tuple([id, v.string()])),
  'volumes.prune': method<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }>()(
    v.tuple([v.object({ all: flag })]),
  ),

  'networks.list': method<NetworkInspect[]>()(none),
  'networks.inspect': method<NetworkInspect>()(v.tuple([id])),
  'networks.create': method<{ Id: string }>()(v.tuple([body])),
  'networks.remove': method<void>()(v.tuple([id])),
  'networks.connect': method<void>()(v.tuple([id, body])),
  'networks.disconnect': method<void>()(v.tuple([id, body])),
  'networks.prune': method<{ NetworksDeleted: string[] | null }>()(none),

  'registries.list': method<RegistryAccountList>()(none),
  /** Asks the registry first; 'unauthenticated' when it refuses, and then nothing is kept. */
  'registries.login': method<void>()(v.tuple([id, id, id])),
  'registries.logout': method<void>()(v.tuple([id])),

  'builds.prune': method<{ SpaceReclaimed: number }>()(none),
} as const

export const streams = {
  /** The current state at once, then every change. */
  'machine.states': stream<MachineState>()(none),
  /** serial: the VM's console; app: the host process's own log. Last lines first, then live. */
  'machine.logs': stream<string>()(v.tuple([v.picklist(['serial', 'app', 'engine'])])),
  /**
   * A command, or a login shell, in the VM as `ssh` runs one. With `size` in a terminal of that size, otherwise with
   * pipes; the client's `end` is EOF on its stdin.
   */
  'machine.run': duplex<RunOutput>()(
    v.tuple([v.object({ command: v.exactOptional(v.string()), size: v.exactOptional(size) })]),
    terminalInput,
  ),
  'settings.changes': stream<Settings>()(none),
  /** Engine events; resumes by itself after a lost connection. `{resync}` says that some may have been missed. */
  events: stream<EventMessage | { resync: true }>()(none),
  'containers.logs': stream<LogChunk>()(
    v.tuple([
      id,
      v.object({
        follow: flag,
        tail: v.optional(v.number()),
        since: v.optional(v.number()),
        timestamps: v.optional(flag),
      }),
    ]),
  ),
  'containers.stats': stream<ContainerStats>()(v.tuple([id])),
  /** One stream for many rows: the latest stats of all running containers, about once a second. */
  'containers.allStats': stream<ContainerStats[]>()(none),
  'containers.terminal': duplex<Uint8Array>()(v.tuple([terminal]), terminalInput),
  /** tar of a path out of a container. */
  'containers.download': stream<Uint8Array>()(v.tuple([id, v.string()])),
  /** tar into a folder of a container; ends when the client's `end` was applied. */
  'containers.upload': duplex<never>()(v.tuple([id, v.string()]), bytes),
  /** The same of a volume. */
  'volumes.download': stream<Uint8Array>()(v.tuple([id, v.string()])),
  'volumes.upload': duplex<never>()(v.tuple([id, v.string()]), bytes),
  'images.pull': stream<ProgressMessage>()(
    v.tuple([id, v.optional(v.object({ platform: v.optional(v.string()) }))]),
  ),
  'images.push': stream<ProgressMessage>()(v.tuple([id])),
  'images.save': stream<Uint8Array>()(v.tuple([v.array(id)])),
  'images.load': duplex<ProgressMessage>()(none, bytes),
  /** Build context as a tar from the client; `Dockerfile` path, tag and args as in `docker build`. */
  'images.build': duplex<ProgressMessage>()(
    v.tuple([
      v.object({
        tag: v.optional(v.string()),
        dockerfile: v.optional(v.string()),
        target: v.optional(v.string()),
        buildArgs: v.optional(v.record(v.string(), v.string())),
        noCache: v.optional(flag),
      }),
    ]),
    bytes,
  ),
} as const

export type Methods = typeof methods
export type MethodName = keyof Methods
/** A caller may leave out trailing arguments that may be undefined. */
type Omittable<A extends readonly unknown[]> = A extends readonly [...infer Head, infer Last]
  ? undefined extends Last
    ? [...Omittable<Head>, Last?]
    : [...A]
  : [...A]
/** What the caller passes. */
export type MethodArgs<N extends MethodName> = Omittable<ParsedMethodArgs<N>>
/** What the handler gets. */
export type ParsedMethodArgs<N extends MethodName> =
  Methods[N] extends Method<infer A, unknown> ? (A extends readonly unknown[] ? A : never) : never
export type MethodResult<N extends MethodName> = Methods[N] extends { readonly [RESULT]?: infer R }
  ? R
  : never

export type Streams = typeof streams
export type StreamName = keyof Streams
export type StreamArgs<N extends StreamName> = Omittable<ParsedStreamArgs<N>>
export type ParsedStreamArgs<N extends StreamName> =
  Streams[N] extends Stream<infer A, unknown, unknown> ? (A extends readonly unknown[] ? A : never) : never
export type StreamOut<N extends StreamName> = Streams[N] extends { readonly [OUT]?: infer O }
  ? Exclude<O, undefined>
  : never
export type StreamIn<N extends StreamName> = Streams[N] extends { readonly [IN]?: infer I }
  ? Exclude<I, undefined>
  : never

/** How a failure crosses the boundary; rebuilt as EngineError on the other side. */
export interface WireError {
  kind: string
  message: string
  hint?: string
  details?: Record<string, unknown>
}
