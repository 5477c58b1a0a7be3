import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { writeFileAtomic } from '../atomic-file.ts'

export interface KeyPair {
  /** OpenSSH PEM. */
  readonly private: string
  /** `ssh-ed25519 AAAA… comment`. */
  readonly public: string
}

/** Both sides' keys: made here, seeded into the guest, so nothing is ever trusted on first use. */
export interface MachineKeys {
  readonly client: KeyPair
  readonly host: KeyPair
}

/**
 * The machine's keys, made when they are not there or not readable as keys (a VM that runs with others is then no longer
 * reachable and must be restarted). ed25519, OpenSSH format, 0600.
 */
export async function ensureKeys(folder: string): Promise<MachineKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return {
    client: await ensureKey(join(folder, 'id_ed25519'), 'slipway'),
    host: await ensureKey(join(folder, 'host_ed25519'), 'slipway-vm'),
  }
}

async function ensureKey(path: string, comment: string): Promise<KeyPair> {
  const present = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const parsed = ssh2.utils.parseKey(present)
  if (!(parsed instanceof Error) && parsed.isPrivateKey() && parsed.type === 'ssh-ed25519') {
    return { private: present, public: `ssh-ed25519 ${parsed.getPublicSSH().toString('base64')} ${comment}` }
  }
  const made = makeKeyPair(comment)
  await writeFileAtomic(path, made.private)
  await writeFileAtomic(`${path}.pub`, `${made.public}\n`)
  return { private: made.private, public: made.public }
}

/** A fresh ed25519 pair that can be read again: ssh2 drops a leading zero of the public half, once in 256 times. */
export function makeKeyPair(comment: string): KeyPair {
  for (;;) {
    const { private: secret, public: shown } = ssh2.utils.generateKeyPairSync('ed25519', { comment })
    if (!(ssh2.utils.parseKey(secret) instanceof Error)) return { private: secret, public: shown }
  }
}

/** Whether a key that a server presented (wire format) is the public key `pinned` (`ssh-ed25519 AAAA…`). */
export function isPinned(presented: Buffer, pinned: string): boolean {
  return presented.toString('base64') === pinned.split(' ')[1]
}
