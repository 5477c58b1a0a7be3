import { useMemo } from 'react'
import { FileBrowser } from './file-browser.tsx'

/** The container's view: its root with its volumes and binds. A start or an end may change everything. */
export function FilesTab({ id, running }: { id: string; running: boolean }) {
  const owner = useMemo(
    () => ({ kind: 'containers' as const, id, tags: running ? [] : [`container:${id}`] }),
    [id, running],
  )
  return <FileBrowser owner={owner} />
}
