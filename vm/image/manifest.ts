import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ARCH, type Arch, KERNEL_ARGUMENTS, NODE_VERSION, REPORTED_PACKAGES, SUITE } from './packages.ts'

/** `manifest.json` of a finished image. */
export interface ImageManifest {
  readonly version: 1
  readonly arch: Arch
  /** Hash of the recipe that built it. */
  readonly recipe: string
  readonly suite: string
  /** Serial console of the guest's marks: the kernel's `console=`. */
  readonly console: string
  /** Kernel arguments that this kernel starts fastest with; to be added to the host's own. */
  readonly kernelArguments: readonly string[]
  /** Kernel release (`uname -r`), Node and Debian package versions. */
  readonly versions: Readonly<Record<string, string>>
  /** Bytes per file of the image. */
  readonly sizes: Readonly<Record<string, number>>
}

export const IMAGE_FILES: readonly string[] = ['vmlinuz', 'initrd.img', 'system.img', 'welcome.tar']

export interface ManifestFacts {
  readonly arch: Arch
  readonly recipe: string
  readonly release: string
  /** Version per unpacked Debian package. */
  readonly packages: ReadonlyMap<string, string>
}

/** The manifest of the image files in `folder`. Holds no date and no host fact, so equal images have equal manifests. */
export async function imageManifest(folder: string, facts: ManifestFacts): Promise<ImageManifest> {
  const sizes = await Promise.all(
    IMAGE_FILES.map(async (name) => [name, (await stat(join(folder, name))).size] as const),
  )
  const reported = REPORTED_PACKAGES.flatMap((name) => {
    const version = facts.packages.get(name)
    return version === undefined ? [] : [[name, version] as const]
  })
  return {
    version: 1,
    arch: facts.arch,
    recipe: facts.recipe,
    suite: SUITE,
    console: ARCH[facts.arch].console,
    kernelArguments: KERNEL_ARGUMENTS,
    versions: { kernel: facts.release, node: NODE_VERSION, ...Object.fromEntries(reported) },
    sizes: Object.fromEntries(sizes),
  }
}
