import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Programs of the build host that the recipe runs, and the Debian package of each. */
const TOOLS: readonly { program: string; package: string }[] = [
  { program: 'mmdebstrap', package: 'mmdebstrap' },
  { program: 'mkfs.erofs', package: 'erofs-utils' },
  { program: 'zstd', package: 'zstd' },
  { program: 'xz', package: 'xz-utils' },
  { program: 'tar', package: 'tar' },
  { program: 'npm', package: 'npm' },
]

/** Debian names of the packages that must be installed before an image can be built; empty when nothing is missing. */
export function missingTools(): string[] {
  return TOOLS.filter(({ program }) => !onPath(program)).map((tool) => tool.package)
}

/** Debian keeps mkfs.* in directories that an ordinary user's PATH lacks; the build adds them for its children. */
export function toolPath(): string {
  const path = (process.env['PATH'] ?? '').split(delimiter)
  return [...path, '/usr/sbin', '/sbin'].filter((folder) => folder !== '').join(delimiter)
}

function onPath(program: string): boolean {
  return toolPath()
    .split(delimiter)
    .some((folder) => {
      try {
        accessSync(join(folder, program), constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
