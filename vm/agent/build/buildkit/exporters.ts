/** What becomes of a finished build: an image of the engine's, or files for the client. */
import { readdir } from 'node:fs/promises'
import { EngineError } from '../../../api/errors.ts'
import type { ResolvedImage } from '../../images/images.ts'
import type { RootFilesystems } from '../rootfs.ts'
import type { Job, Returned } from './jobs.ts'
import { Vertex } from './vertex.ts'

export interface ExportWish {
  type: string
  attributes: Readonly<Record<string, string>>
}

export interface ExporterParts {
  /** Names the image and tells of it. */
  publish(image: ResolvedImage, names: readonly string[]): Promise<void>
  rootfs: RootFilesystems
}

/** Throws for what cannot be done, before anything is. */
export function checkExports(wishes: readonly ExportWish[]): void {
  for (const { type } of wishes)
    if (!['moby', 'image', 'local', 'tar'].includes(type))
      throw new EngineError(
        'not_implemented',
        `exporter ${JSON.stringify(type)} is not supported by this builder`,
      )
}

/** Answers what the client is told of the result. */
export async function exportAll(
  parts: ExporterParts,
  job: Job,
  wishes: readonly ExportWish[],
  { image }: Returned,
): Promise<Record<string, string>> {
  const answer: Record<string, string> = {}
  if (!image) return answer
  for (const [index, wish] of wishes.entries())
    Object.assign(answer, await exportOne(parts, job, { index, wish }, image))
  return answer
}

async function exportOne(
  parts: ExporterParts,
  job: Job,
  { index, wish }: { index: number; wish: ExportWish },
  image: ResolvedImage,
): Promise<Record<string, string>> {
  if (wish.type === 'local' || wish.type === 'tar') {
    const vertex = new Vertex(
      job.log,
      `${job.ref}/export/${index}`,
      `exporting to client ${wish.type === 'tar' ? 'tarball' : 'directory'}`,
    )
    await vertex.during(() =>
      parts.rootfs.reading(image.snapshot, (root) => files(job, { index, type: wish.type }, root, vertex)),
    )
    return {}
  }
  const names = (wish.attributes['name'] ?? '').split(',').filter((name) => name !== '')
  const vertex = new Vertex(job.log, `${job.ref}/export/${index}`, 'exporting to image')
  await vertex.during(async () => {
    vertex.progress(`writing image ${image.id}`, 0, { done: true })
    await parts.publish(image, names)
    for (const name of names) vertex.progress(`naming to ${name}`, 0, { done: true })
  })
  return {
    'containerimage.digest': image.id,
    'containerimage.config.digest': image.id,
    ...(names.length > 0 ? { 'image.name': names.join(',') } : {}),
  }
}

async function files(
  { session, signal }: Job,
  { index, type }: { index: number; type: string },
  root: string,
  vertex: Vertex,
): Promise<void> {
  if (!session) throw new EngineError('invalid_argument', 'no session: there is nowhere for the files to go')
  const id = type === 'tar' ? 'sending tarball' : 'copying files'
  let total = 0
  const onBytes = (bytes: number) => {
    total = bytes
    vertex.progress(id, bytes)
  }
  if (type === 'tar') await session.sendFile(index, tarOf(root), { signal, onBytes })
  else await session.sendFolder(index, root, { signal, onBytes })
  vertex.progress(id, total, { done: true })
}

/** The tree as a tar, by busybox: names without a leading dot. */
async function* tarOf(root: string): AsyncIterable<Uint8Array> {
  const { spawn } = process.getBuiltinModule('node:child_process')
  const names = await readdir(root)
  const child = spawn('busybox', ['tar', '-cf', '-', '-C', root, '--', ...names], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = new Promise<number | null>((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  )
  ended.catch(() => undefined)
  try {
    yield* child.stdout
  } finally {
    child.kill()
  }
  const code = await ended
  if (code !== 0) throw new EngineError('internal', `packing the result: exit code ${code}`)
}
