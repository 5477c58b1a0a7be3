import { SOURCE_DATE_EPOCH } from './packages.ts'
import { run } from './run.ts'

/** Any constant will do; a random one would make two builds differ. */
const UUID = '736c6970-7761-7920-726f-6f7400000001'

/**
 * Packs the folder `root` as a read-only erofs file system: everything owned by root, one date, fixed identity. Not
 * compressed: each start would pay for it in the guest, where unpacking Node alone is a third of the engine's start
 * under emulation. A release compresses the file as a whole, and better.
 */
export async function writeErofs(root: string, target: string, signal?: AbortSignal): Promise<void> {
  await run('mkfs.erofs', ['-U', UUID, '-T', String(SOURCE_DATE_EPOCH), '--all-root', '-x-1', target, root], {
    signal,
  })
}
