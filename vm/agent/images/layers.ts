/** Layers on their way in: each blob is fetched once, each chain unpacked once, however many pulls want them. */
import { randomUUID } from 'node:crypto'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import { collected } from '../content/chunks.ts'
import type { FileContentStore } from '../content/file-store.ts'
import type { Descriptor, Digest } from '../content/store.ts'
import type { AppliedLayer, LayerApplier, Snapshotter } from '../snapshots/snapshotter.ts'
import { chainIds } from './chain.ts'
import type { Lease } from './leases.ts'
import { SharedJobs, Slots } from './shared-jobs.ts'

/** Active snapshots with this prefix belong to nobody after a crash. */
export const UNPACK_PREFIX = 'unpack-'
/** The tar of nothing: two zero blocks. Docker makes no layer of it. */
export const EMPTY_TAR: Digest = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef'
/** As dockerd's max-concurrent-downloads. */
const MAX_DOWNLOADS = 3

interface Watch {
  signal?: AbortSignal | undefined
  onProgress?: (current: number) => void
}

export class Layers {
  readonly #content: FileContentStore
  readonly #snapshots: Snapshotter
  readonly #applier: LayerApplier
  readonly #downloads = new SharedJobs<void>()
  readonly #unpacks = new SharedJobs<void>()
  readonly #slots = new Slots(MAX_DOWNLOADS)

  constructor(options: { content: FileContentStore; snapshots: Snapshotter; applier: LayerApplier }) {
    this.#content = options.content
    this.#snapshots = options.snapshots
    this.#applier = options.applier
  }

  /** True when a download that starts now has to wait for others. */
  get busy(): boolean {
    return this.#slots.full
  }

  async has(chainId: Digest): Promise<boolean> {
    return (await this.#snapshots.stat(chainId)) !== undefined
  }

  /** Brings the blob into the content store, verified. */
  async download(
    descriptor: Descriptor,
    watch: Watch,
    fetch: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    // Whoever downloads a layer unpacks it soon.
    this.#applier.warm()
    await this.#downloads.run(descriptor.digest, watch, ({ signal, onProgress }) =>
      this.#slots.use(async () => {
        await this.#content.write(collected(counted(fetch(signal), onProgress)), descriptor, { signal })
      }, signal),
    )
  }

  /** Makes the committed snapshot `chainId` of a blob that is in the content store. */
  async unpack(
    layer: { digest: Digest; diffId: Digest; chainId: Digest; parent: Digest | undefined },
    watch: Watch,
  ): Promise<void> {
    await this.#unpacks.run(layer.chainId, watch, async ({ signal, onProgress }) => {
      if (await this.has(layer.chainId)) return
      await this.#make(layer.parent, async (key) => {
        const applied = await this.#applier.apply(key, this.#content.path(layer.digest), {
          signal,
          digest: layer.digest,
          onProgress,
        })
        if (applied.diffId !== layer.diffId) {
          throw new EngineError(
            'data_loss',
            `layer ${layer.digest}: expected content ${layer.diffId}, got ${applied.diffId}`,
          )
        }
        await this.#commit(layer.chainId, key, applied)
      })
    })
  }

  /**
   * Makes a layer of what snapshot `source` holds, on top of the layers `below`; `source` is left alone. Undefined
   * when it holds nothing.
   */
  async copy(
    source: string,
    below: readonly Digest[],
    lease: Lease,
    options: { signal?: AbortSignal },
  ): Promise<Digest | undefined> {
    return this.#make(chainIds(below).at(-1), async (key) => {
      const applied = await this.#applier.copy(source, key, options)
      const { diffId } = applied
      const chainId = chainIds([...below, diffId]).at(-1) ?? diffId
      await lease.hold(chainId)
      if (diffId === EMPTY_TAR || !(await this.#commitNew(chainId, key, applied)))
        await this.#snapshots.remove(key)
      return diffId === EMPTY_TAR ? undefined : diffId
    })
  }

  /** Runs `work` with a new active snapshot, which goes when that fails. */
  async #make<T>(parent: Digest | undefined, work: (key: string) => Promise<T>): Promise<T> {
    const key = UNPACK_PREFIX + randomUUID()
    await this.#snapshots.prepare(key, parent)
    try {
      return await work(key)
    } catch (error) {
      await this.#snapshots.remove(key)
      if (!(error instanceof EngineError)) throw error
      throw new EngineError(error.kind, `failed to register layer: ${messageOf(error)}`, { cause: error })
    }
  }

  /** False when the layer is there already. */
  async #commitNew(chainId: Digest, key: string, applied: AppliedLayer): Promise<boolean> {
    try {
      await this.#commit(chainId, key, applied)
      return true
    } catch (error) {
      if (kindOf(error) === 'already_exists') return false
      throw error
    }
  }

  #commit(chainId: Digest, key: string, { size, inodes }: AppliedLayer): Promise<void> {
    return this.#snapshots.commit(chainId, key, { usage: { size, inodes } })
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onProgress: (current: number) => void,
): AsyncIterable<Uint8Array> {
  let current = 0
  for await (const chunk of source) {
    yield chunk
    current += chunk.length
    onProgress(current)
  }
}
