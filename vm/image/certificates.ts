import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The bundle that Debian's update-ca-certificates makes: every certificate of the package, sorted by file name. */
export async function certificateBundle(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.crt')).sort()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.map((text) => (text.endsWith('\n') ? text : `${text}\n`)).join('')
}
