import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from '../api/errors.ts'
import { ARCH, type Arch, NODE_VERSION, PACKAGES, SOURCE_DATE_EPOCH, SUITE } from './packages.ts'
import { run } from './run.ts'

interface FetchOptions {
  readonly signal?: AbortSignal | undefined
  readonly onLine?: (line: string) => void
}

/**
 * Downloads the recipe's Debian packages and unpacks them into the new folder `target`, from the mirror that
 * mmdebstrap uses by default. No maintainer script runs. Answers the version of every unpacked package.
 */
export async function fetchDebian(
  arch: Arch,
  target: string,
  options: FetchOptions,
): Promise<Map<string, string>> {
  const { debian, kernelPackage } = ARCH[arch]
  await run(
    'mmdebstrap',
    [
      // An ordinary user has no chroot, and unpacking needs none.
      `--mode=${process.getuid?.() === 0 ? 'root' : 'chrootless'}`,
      '--variant=extract',
      `--architectures=${debian}`,
      `--include=${[...PACKAGES, kernelPackage].join(',')}`,
      // What no file of the image comes from need not be unpacked.
      '--dpkgopt=path-exclude=/usr/share/doc/*',
      '--dpkgopt=path-exclude=/usr/share/locale/*',
      '--dpkgopt=path-exclude=/usr/share/man/*',
      // The downloaded packages stay: their names tell the versions.
      '--skip=cleanup/apt',
      '--format=directory',
      SUITE,
      target,
    ],
    { ...options, env: { SOURCE_DATE_EPOCH: String(SOURCE_DATE_EPOCH) } },
  )
  return packageVersions(await readdir(join(target, 'var/cache/apt/archives')))
}

/** Version per package, from the names that apt gives its downloads: `name_epoch%3aversion_arch.deb`. */
export function packageVersions(files: readonly string[]): Map<string, string> {
  const versions = new Map<string, string>()
  for (const file of files) {
    const [name, version] = file.endsWith('.deb') ? file.split('_') : []
    if (name && version) versions.set(name, decodeURIComponent(version))
  }
  return versions
}

/** Downloads Node's npm package, checks it against the recipe's digest and answers the path of the unpacked program. */
export async function fetchNode(arch: Arch, target: string, options: FetchOptions): Promise<string> {
  const { node } = ARCH[arch]
  await mkdir(target, { recursive: true })
  await run(
    'npm',
    ['pack', `${node.package}@${NODE_VERSION}`, '--silent', '--pack-destination', target],
    options,
  )
  const tarball = (await readdir(target)).find((name) => name.endsWith('.tgz'))
  if (!tarball) throw new EngineError('internal', `npm pack ${node.package}: left no tarball`)
  const digest = createHash('sha512')
    .update(await readFile(join(target, tarball)))
    .digest('base64')
  if (`sha512-${digest}` !== node.integrity) {
    throw new EngineError(
      'data_loss',
      `${node.package}@${NODE_VERSION}: its digest is not the one that the recipe names`,
    )
  }
  await run('tar', ['-xzf', tarball, 'package/bin/node'], { ...options, cwd: target })
  return join(target, 'package/bin/node')
}
