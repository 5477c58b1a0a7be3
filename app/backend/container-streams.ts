import { allStats } from './all-stats.ts'
import type { Parts, StreamsOf } from './parts.ts'
import { terminalStream } from './terminal.ts'

export function containerStreams(parts: Parts): StreamsOf<'containers'> {
  const { streams, archive } = parts.engine
  return {
    'containers.logs': ([id, options], { signal }) => streams.logs(id, { ...options, signal }),
    'containers.stats': ([id], { signal }) => streams.stats(id, { signal }),
    'containers.allStats': (_args, { signal }) => allStats(parts, signal),
    'containers.terminal': ([target], context) => terminalStream(parts, target, context),
    'containers.download': ([id, path], { signal }) => archive.get(id, path, { signal }),
    'containers.upload': ([id, path], { input, signal }) => upload(archive.put(id, path, input, { signal })),
  }
}

/** The files of volumes on the move. */
export function volumeStreams({ engine: { volumeArchive } }: Parts): StreamsOf<'volumes'> {
  return {
    'volumes.download': ([name, path], { signal }) => volumeArchive.get(name, path, { signal }),
    'volumes.upload': ([name, path], { input, signal }) =>
      upload(volumeArchive.put(name, path, input, { signal })),
  }
}

/** No values; ends when it is all there. */
function upload(done: Promise<void>): AsyncIterable<never> {
  return {
    [Symbol.asyncIterator]: () => ({ next: () => done.then(() => ({ done: true, value: undefined })) }),
  }
}
