import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { extract, pack } from 'tar-stream'
import { EngineError } from '../../vm/api/errors.ts'
import type { Archive } from '../engine/archive.ts'
import { saidError } from '../sayings.ts'
import type { MethodsOf, Parts } from './parts.ts'

/** What an editor opens; more is for a download. */
const LIMIT = 16 * 2 ** 20

type Files = Pick<
  MethodsOf<'containers'>,
  'containers.files' | 'containers.readFile' | 'containers.writeFile' | 'containers.deleteFile'
> &
  Pick<
    MethodsOf<'volumes'>,
    'volumes.files' | 'volumes.readFile' | 'volumes.writeFile' | 'volumes.deleteFile'
  >

export function fileMethods({ engine }: Parts): Files {
  const { archive, volumeArchive } = engine
  return {
    'containers.files': ([id, path], { signal }) => engine.slipway.files(id, path, { signal }),
    'containers.readFile': ([id, path], { signal }) => readFile(archive, id, path, signal),
    'containers.writeFile': ([id, path, data, mode], { signal }) =>
      writeFile(archive, id, { path, data, mode: mode ?? 0o644 }, signal),
    'containers.deleteFile': ([id, path], { signal }) => engine.slipway.deleteFile(id, path, { signal }),
    'volumes.files': ([name, path], { signal }) => engine.slipway.volumeFiles(name, path, { signal }),
    'volumes.readFile': ([name, path], { signal }) => readFile(volumeArchive, name, path, signal),
    'volumes.writeFile': ([name, path, data, mode], { signal }) =>
      writeFile(volumeArchive, name, { path, data, mode: mode ?? 0o644 }, signal),
    'volumes.deleteFile': ([name, path], { signal }) =>
      engine.slipway.deleteVolumeFile(name, path, { signal }),
  }
}

/** The bytes of one file, links followed as `docker cp -L` does. */
async function readFile(
  archive: Archive,
  id: string,
  path: string,
  signal: AbortSignal,
  links = 8,
): Promise<Uint8Array> {
  const tar = extract()
  const source = Readable.from(archive.get(id, path, { signal }), { objectMode: false })
  source.on('error', (error) => tar.destroy(error))
  source.pipe(tar)
  for await (const entry of tar) {
    const { type, size, linkname } = entry.header
    if (type === 'symlink' && linkname) {
      entry.resume()
      source.destroy()
      if (links === 0) throw new EngineError('invalid_argument', `${path}: too many levels of symbolic links`)
      return await readFile(archive, id, posix.resolve(posix.dirname(path), linkname), signal, links - 1)
    }
    if (type !== 'file') throw new EngineError('invalid_argument', `${path}: not a file`)
    if ((size ?? 0) > LIMIT) {
      throw saidError('invalid_argument', `${path}: too large to open (${size} bytes)`, {
        hint: { code: 'file_large' },
      })
    }
    const chunks: Buffer[] = []
    for await (const chunk of entry) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }
  throw new EngineError('not_found', `${path}: no such file`)
}

async function writeFile(
  archive: Archive,
  id: string,
  file: { path: string; data: Uint8Array; mode: number },
  signal: AbortSignal,
): Promise<void> {
  const name = posix.basename(file.path)
  if (name === '') throw new EngineError('invalid_argument', `${file.path}: not a file’s path`)
  const tar = pack()
  tar.entry({ name, mode: file.mode, mtime: new Date() }, Buffer.from(file.data))
  tar.finalize()
  await archive.put(id, posix.dirname(file.path), Readable.from(tar), { signal })
}
