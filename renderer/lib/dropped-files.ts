/** A file and where it belongs below the folder that it was dropped on. */
export interface DroppedFile {
  readonly path: string
  readonly file: File
}

/** What was dropped, folders with everything in them. Call it in the event itself: afterwards the list is empty. */
export async function droppedFiles(items: DataTransferItemList): Promise<DroppedFile[]> {
  const roots = [...items]
    .filter(({ kind }) => kind === 'file')
    .map((item) => item.webkitGetAsEntry() ?? item.getAsFile())
  const found = await Promise.all(
    roots.map((root) =>
      root === null ? [] : root instanceof File ? [{ path: root.name, file: root }] : walk(root),
    ),
  )
  return found.flat()
}

async function walk(entry: FileSystemEntry): Promise<DroppedFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    )
    return [{ path: entry.fullPath.replace(/^\//, ''), file }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const files: DroppedFile[] = []
  // A reader hands out a hundred entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (some.length === 0) return files
    for (const child of some) files.push(...(await walk(child)))
  }
}
