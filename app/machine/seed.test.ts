import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cpioArchive } from '../../vm/api/cpio.ts'
import type { MachineKeys } from './keys.ts'
import { seedEntries, writeInitrd } from './seed.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seed-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const keys: MachineKeys = {
  client: { private: 'client private', public: 'ssh-ed25519 AAAA client' },
  host: { private: 'host private', public: 'ssh-ed25519 BBBB host' },
}
const config = {
  registryMirrors: [],
  insecureRegistries: [],
  httpProxy: '',
  httpsProxy: '',
  noProxy: '',
  portModel: 'direct' as const,
  registryCertificates: [],
  sharedFolders: [],
  hostPlatform: 'linux' as const,
}

test("the guest gets the host's private key and the client's public one, never the client's private one", () => {
  const entries = seedEntries({ hostname: 'vm', config, keys })
  const text = JSON.stringify(entries)
  expect([
    text.includes('host private'),
    text.includes('AAAA client'),
    text.includes('client private'),
  ]).toEqual([true, true, false])
  expect(entries.every(({ mode }) => (mode & 0o077) === 0)).toBe(true)
})

test('the initramfs is the base, then agent and seed where the kernel finds them', async () => {
  const base = Buffer.from(cpioArchive([{ path: 'init', mode: 0o755, data: 'base' }]))
  await writeFile(join(folder, 'base.img'), base)
  await writeFile(join(folder, 'agent.js'), 'the agent')
  const image = {
    arch: 'x64' as const,
    recipe: '',
    kernel: '',
    systemDisk: '',
    console: '',
    kernelArguments: [],
    initrd: join(folder, 'base.img'),
    agent: join(folder, 'agent.js'),
  }
  const path = join(folder, 'initrd.img')
  await writeInitrd(path, image, { hostname: 'vm', config, keys })
  const whole = await readFile(path)
  expect(whole.subarray(0, base.length).equals(base)).toBe(true)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const files = filesOf(whole.subarray(base.length))
  expect(files.get('slipway/agent/main.js')).toBe('the agent')
  expect(JSON.parse(files.get('slipway/agent/package.json') ?? '')).toEqual({ type: 'module' })
  expect(JSON.parse(files.get('slipway/seed/machine.json') ?? '')).toEqual({ hostname: 'vm', config })
})

/** A reader of its own for the `newc` format: 13 fields of 8 hex digits, name, data, each padded to 4 bytes. */
function filesOf(archive: Buffer): Map<string, string> {
  const files = new Map<string, string>()
  const pad = (at: number) => Math.ceil(at / 4) * 4
  for (let at = 0; at < archive.length; ) {
    const field = (index: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16)
    const data = pad(at + 110 + field(11))
    files.set(
      archive.toString('utf8', at + 110, at + 109 + field(11)),
      archive.toString('utf8', data, data + field(6)),
    )
    at = pad(data + field(6))
  }
  return files
}
