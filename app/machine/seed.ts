import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type CpioEntry, cpioArchive } from '../../vm/api/cpio.ts'
import type { EngineConfig } from '../../vm/api/slipway.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import type { MachineImage } from './image.ts'
import type { MachineKeys } from './keys.ts'

/** What this machine, and no other, is told at boot; the guest finds it in /run/slipway/seed. */
export interface Seed {
  readonly hostname: string
  readonly config: EngineConfig
  readonly keys: MachineKeys
}

/** The seed's files in the initramfs. */
export function seedEntries({ hostname, config, keys }: Seed): CpioEntry[] {
  return [
    { path: 'slipway/seed', mode: 0o700 },
    { path: 'slipway/seed/machine.json', mode: 0o600, data: `${JSON.stringify({ hostname, config })}\n` },
    { path: 'slipway/seed/authorized_keys', mode: 0o600, data: `${keys.client.public}\n` },
    { path: 'slipway/seed/ssh_host_ed25519_key', mode: 0o600, data: keys.host.private },
  ]
}

/**
 * Writes the initramfs of one start: the image's, then the engine agent, then the seed. Holds a private key: 0600. Answers
 * its SHA-256.
 */
export async function writeInitrd(path: string, image: MachineImage, seed: Seed): Promise<string> {
  const [base, agent] = await Promise.all([readFile(image.initrd), readFile(image.agent)])
  // The kernel looks for the next archive at a multiple of 4.
  const padding = new Uint8Array((4 - (base.length % 4)) % 4)
  const own = cpioArchive([
    { path: 'slipway/agent/main.js', mode: 0o644, data: agent },
    // Without it Node would parse the bundle twice to find out that it is a module.
    { path: 'slipway/agent/package.json', mode: 0o644, data: '{"type":"module"}\n' },
    ...seedEntries(seed),
  ])
  const whole = Buffer.concat([base, padding, own])
  await writeFileAtomic(path, whole)
  return createHash('sha256').update(whole).digest('hex')
}
