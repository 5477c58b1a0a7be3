/** Image engines for root tests: real content, real overlayfs, a real docker-registry on loopback. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Disposal } from '../../api/disposal.ts'
import type { ProgressMessage } from '../../api/images.ts'
import type { EngineConfig } from '../../api/slipway.ts'
import { FileContentStore } from '../content/file-store.ts'
import { EventBus } from '../events.ts'
import { LibcKernel } from '../linux/libc.ts'
import { OverlayDiffer } from '../snapshots/diff.ts'
import { OverlaySnapshotter } from '../snapshots/overlay.ts'
import { LayerUnpacker } from '../snapshots/unpack-worker.ts'
import type { ImageUsers } from './images.ts'
import { Images } from './service.ts'

export const CONFIG: EngineConfig = {
  registryMirrors: [],
  insecureRegistries: [],
  httpProxy: '',
  httpsProxy: '',
  noProxy: '',
  portModel: 'direct',
  registryCertificates: [],
  sharedFolders: [],
  hostPlatform: 'linux',
}

export interface Engine extends AsyncDisposable {
  root: string
  kernel: LibcKernel
  images: Images
  snapshots: OverlaySnapshotter
  content: FileContentStore
  events: EventBus
}

export async function makeEngine(
  options: { root?: string; users?: ImageUsers; config?: EngineConfig } = {},
): Promise<Engine> {
  const disposal = new Disposal()
  const root = options.root ?? (await mkdtemp(join(tmpdir(), 'images-')))
  if (!options.root) disposal.push(() => rm(root, { recursive: true, force: true }))
  const kernel = new LibcKernel()
  const events = new EventBus()
  const content = new FileContentStore(join(root, 'content'))
  const snapshots = new OverlaySnapshotter({ root: join(root, 'snapshots'), kernel })
  const thread = new URL('../snapshots/unpack-thread.fixture.ts', import.meta.url)
  const applier = disposal.use(new LayerUnpacker({ snapshots, makeWorker: () => new Worker(thread) }))
  const differ = new OverlayDiffer({ snapshots, kernel })
  const users = options.users ?? (() => [])
  const config = () => options.config ?? CONFIG
  const images = disposal.use(
    new Images({ content, snapshots, applier, differ, root, config, events, users, hostLoopback: undefined }),
  )
  await images.open()
  return {
    root,
    kernel,
    images,
    snapshots,
    content,
    events,
    [Symbol.asyncDispose]: () => disposal[Symbol.asyncDispose](),
  }
}

/** docker-registry on a free port; undefined where it is not installed. */
export async function startRegistry(): Promise<(AsyncDisposable & { host: string }) | undefined> {
  const program = process.env['DOCKER_REGISTRY'] ?? '/usr/bin/docker-registry'
  const port = await freePort()
  const root = await mkdtemp(join(tmpdir(), 'registry-'))
  const config = join(root, 'config.yml')
  await mkdir(join(root, 'data'))
  await writeFile(
    config,
    `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: ${root}/data}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
  )
  const child = spawn(program, ['serve', config], { stdio: 'ignore' })
  const failed = await Promise.race([
    new Promise<boolean>((resolve) =>
      child.once('error', () => resolve(true)).once('exit', () => resolve(true)),
    ),
    answers(port).then(() => false),
  ])
  const dispose = async () => {
    child.kill('SIGKILL')
    await rm(root, { recursive: true, force: true })
  }
  if (failed) {
    await dispose()
    return undefined
  }
  return { host: `127.0.0.1:${port}`, [Symbol.asyncDispose]: dispose }
}

/** A gzip tar of a directory made by a shell script run in it. */
export async function tarOf(script: string): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'tree-'))
  try {
    execFileSync('sh', ['-ec', script], { cwd: directory })
    return execFileSync('tar', ['-C', directory, '--numeric-owner', '-cz', '.'], { maxBuffer: 1 << 30 })
  } finally {
    await rm(directory, { recursive: true })
  }
}

export async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

/** Every message of a pull, push, load or build. */
export async function drain(messages: AsyncIterable<ProgressMessage>): Promise<ProgressMessage[]> {
  const list: ProgressMessage[] = []
  for await (const message of messages) list.push(message)
  return list
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const ok = await fetch(`http://127.0.0.1:${port}/v2/`).then(
      (response) => response.ok,
      () => false,
    )
    if (ok) return
    await sleep(50)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
