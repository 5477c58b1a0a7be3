/** Hands the user a file to keep. */
export function saveFile(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** Asks for files; an empty list when the user changed their mind. `folder` takes a whole folder. */
export function chooseFiles(
  options: { accept?: string; multiple?: boolean; folder?: boolean } = {},
): Promise<File[]> {
  const input = document.createElement('input')
  input.type = 'file'
  input.accept = options.accept ?? ''
  input.multiple = options.multiple ?? false
  input.webkitdirectory = options.folder ?? false
  return new Promise((resolve) => {
    input.onchange = () => resolve([...(input.files ?? [])])
    input.oncancel = () => resolve([])
    input.click()
  })
}
