import { useEffect, useMemo, useState } from 'react'
import { type LogBuffer, LogSearch } from '../lib/log-buffer.ts'

/** Milliseconds that the search takes of the window at a time; typing and drawing come between. */
const SLICE = 8

/** Numbers of the lines that match, found in slices; `done` when every line was looked at. */
export function useLogSearch(
  buffer: LogBuffer,
  version: number,
  pattern: RegExp | undefined,
): { matches: readonly number[]; done: boolean } {
  const search = useMemo(() => pattern && new LogSearch(pattern), [pattern])
  const [progress, setProgress] = useState({ search, done: false, count: 0 })
  // biome-ignore lint/correctness/useExhaustiveDependencies: version stands for the buffer's content
  useEffect(() => {
    if (!search) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const run = (): void => {
      const end = performance.now() + SLICE
      const done = search.update(buffer, () => performance.now() > end)
      setProgress({ search, done, count: search.matches.length })
      if (!done) timer = setTimeout(run, 0)
    }
    timer = setTimeout(run, 0)
    return () => clearTimeout(timer)
  }, [search, buffer, version])
  return { matches: search?.matches ?? [], done: progress.search === search && progress.done }
}
