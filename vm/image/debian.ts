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
export async function fetchDebian(arch: Arch, target: string, options: FetchOptions): Promise<Map<string, string>> {
  const { debian, kernelPackage } = ARCH[arch]
  const listing = `${target}.packages`
  await run(
    'mmdebstrap',
    [
      '--variant=extract',
      `--architectures=${debian}`,
      `--include=${[...PACKAGES, kernelPackage].join(',')}`,
      '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
      // What no file of the image comes from need not be unpacked.
      '--dpkgopt=path-exclude=/usr/share/doc/*',
      '--dpkgopt=path-exclude=/usr/share/locale/*',
      '--dpkgopt=path-exclude=/usr/share/man/*',
      '--format=directory',
      `--customize-hook=for f in "$1"/var/cache/apt/archives/*.deb; do dpkg-deb -W "$f"; done > "${listing}"`,
      SUITE,
      target,
    ],
    { ...options, env: { SOURCE_DATE_EPOCH: String(SOURCE_DATE_EPOCH) } },
  )
  const versions = new Map<string, string>()
  for (const line of (await readFile(listing, 'utf8')).split('\n')) {
    const [name, version] = line.split('\t')
    if (name && version) versions.set(name, version)
  }
  return versions
}

/** Downloads Node's npm package, checks it against the recipe's digest and answers the path of the unpacked program. */
export async function fetchNode(arch: Arch, target: string, options: FetchOptions): Promise<string> {
  const { node } = ARCH[arch]
  await mkdir(target, { recursive: true })
  await run('npm', ['pack', `${node.package}@${NODE_VERSION}`, '--silent', '--pack-destination', target], options)
  const tarball = (await readdir(target)).find((name) => name.endsWith('.tgz'))
  if (!tarball) throw new EngineError('internal', `npm pack ${node.package}: left no tarball`)
  const digest = createHash('sha512').update(await readFile(join(target, tarball))).digest('base64')
  if (`sha512-${digest}` !== node.integrity) {
    throw new EngineError('data_loss', `${node.package}@${NODE_VERSION}: its digest is not the one that the recipe names`)
  }
  await run('tar', ['-xzf', tarball, 'package/bin/node'], { ...options, cwd: target })
  return join(target, 'package/bin/node')
}
