/**
 * Builds what a machine boots from, out of Debian packages (suite `trixie`) and Node's npm package:
 *
 *   vmlinuz        kernel, unpacked: QEMU enters it directly
 *   initrd.img     cpio, uncompressed: busybox, the modules that the system disk needs, /init. The host appends the
 *                  agent's archive (`/slipway/agent/main.js`) and the machine's seed (`/slipway/seed/…`) to it
 *   system.img     the root, read-only erofs: node, crun, conmon, sshd, nft, ip, busybox init (see `packages.ts`)
 *   welcome.tar    the image slipway/welcome, as `docker save` writes one; also in the root
 *   manifest.json  versions and sizes
 *
 * `npm run image -- [--arch x64|arm64] [--out FOLDER]`. No program of the image runs while it is built, so any Linux
 * host builds both architectures. Kept by the recipe's hash under `${XDG_CACHE_HOME:-~/.cache}/slipway/image`; the same
 * packages give the same bytes. In the guest: initramfs/init → busybox init (rootfs/etc/inittab) → boot, then sshd and
 * the agent side by side. The scripts tell the host how far they are by `slipway: …` lines on the serial console.
 */
import { realpathSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { EngineError, messageOf } from '../api/errors.ts'
import { type BuildProgress, buildImage } from './image.ts'
import { ARCHES } from './packages.ts'

// biome-ignore lint/performance/noBarrelFile: this is the entry of the bundle, which the set-up script imports too
export { type BuildOptions, type BuildProgress, type BuiltImage, buildImage } from './image.ts'
export { missingTools } from './tools.ts'

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { arch: { type: 'string' }, out: { type: 'string' } } })
  const wanted = values.arch ?? process.arch
  const arch = ARCHES.find((name) => name === wanted)
  if (!arch) throw new EngineError('invalid_argument', `--arch ${wanted}: must be ${ARCHES.join(' or ')}`)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const started = Date.now()
  const image = await buildImage({
    arch,
    ...(values.out === undefined ? {} : { outDir: values.out }),
    signal: stop.signal,
    onProgress: progressPrinter(),
  })
  const how = image.cached
    ? 'Image is up to date'
    : `Image built in ${Math.round((Date.now() - started) / 1000)} s`
  const sizes = Object.entries(image.manifest.sizes).map(([name, size]) => `${name} ${megabytes(size)}`)
  const versions = Object.entries(image.manifest.versions).map(([name, version]) => `${name} ${version}`)
  write(`${how}: ${image.folder}`)
  write(`  ${sizes.join(' · ')}`)
  write(`  ${versions.join(' · ')}`)
}

/** Prints one line per step; on a terminal also the newest detail, over itself. */
function progressPrinter(): (progress: BuildProgress) => void {
  let printed = 0
  return ({ step, steps, title, detail }) => {
    const clear = process.stdout.isTTY && printed > 0 ? '\r\x1b[K' : ''
    if (step !== printed) {
      printed = step
      process.stdout.write(`${clear}[${step}/${steps}] ${title}\n`)
    } else if (detail && process.stdout.isTTY) {
      process.stdout.write(
        `${clear}      ${detail.slice(0, Math.max(20, (process.stdout.columns ?? 80) - 8))}`,
      )
    }
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

function write(line: string): void {
  process.stdout.write(`${line}\n`)
}

const program = process.argv[1]
if (program && realpathSync(program) === import.meta.filename) {
  main().catch((error: unknown) => {
    const hint = error instanceof EngineError ? error.hint : undefined
    process.stderr.write(`slipway image: ${messageOf(error)}\n${hint ? `  ${hint}\n` : ''}`)
    process.exitCode = 1
  })
}
