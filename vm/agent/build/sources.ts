/** Where COPY, ADD and mounts take files from: the build context, another one by name, a stage or an image. */
import type { ResolvedImage } from '../images/images.ts'
import type { HeldRoot, RootFilesystems } from './rootfs.ts'

/** Files of a build that are there when asked for. */
export interface ContextFiles {
  /** Where they are, or will be; what else a build fetches goes beside it. */
  readonly root: string
  /** Answers when they are there; asking again costs nothing. */
  fill(): Promise<void>
}

export type FileSource = { files: ContextFiles } | { image: ResolvedImage | undefined }

/** The source as a directory for the time of `use`. */
export async function reading<T>(
  source: FileSource,
  rootfs: RootFilesystems,
  use: (root: string) => Promise<T>,
): Promise<T> {
  await using held = await holding(source, rootfs)
  return await use(held.path)
}

/** The source as a directory until it is let go. */
export async function holding(source: FileSource, rootfs: RootFilesystems): Promise<HeldRoot> {
  if ('image' in source) return rootfs.hold(source.image?.snapshot)
  await source.files.fill()
  return { path: source.files.root, [Symbol.asyncDispose]: async () => undefined }
}
