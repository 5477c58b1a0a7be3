import { readFile, writeFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { EngineError } from '../api/errors.ts'
import { isElf } from './elf.ts'
import type { Arch } from './packages.ts'
import { run } from './run.ts'

/**
 * Writes the kernel in the form that QEMU starts fastest. On x86-64 that is the plain ELF that Debian's bzImage carries:
 * QEMU enters it through its PVH entry, which spares the guest its own decompression. On arm64 it is the plain Image.
 */
export async function writeKernel(
  arch: Arch,
  packed: string,
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  const image = await readFile(packed)
  if (arch === 'arm64') {
    await writeFile(target, image.readUInt16BE(0) === 0x1f8b ? gunzipSync(image) : image)
    return
  }
  const payload = bzImagePayload(image)
  if (payload.readUInt32LE(0) !== 0xfd2fb528)
    throw new EngineError('internal', `${packed}: not compressed with zstd`)
  await writeFile(`${target}.zst`, payload)
  await run('zstd', ['--decompress', '--force', '--quiet', '--rm', `${target}.zst`, '-o', target], { signal })
  if (!isElf(await readFile(target))) throw new EngineError('internal', `${packed}: holds no ELF kernel`)
}

/** The compressed kernel inside a bzImage (https://docs.kernel.org/arch/x86/boot.html: setup_sects, payload_offset). */
export function bzImagePayload(image: Buffer): Buffer {
  if (image.toString('latin1', 0x202, 0x206) !== 'HdrS')
    throw new EngineError('internal', 'kernel: not a bzImage')
  const setup = ((image[0x1f1] || 4) + 1) * 512
  const start = setup + image.readUInt32LE(0x248)
  const length = image.readUInt32LE(0x24c)
  // The last 4 bytes are the unpacked size that the kernel's build appends; a zstd frame ends before them.
  return image.subarray(start, start + length - 4)
}
