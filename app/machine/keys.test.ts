import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureKeys, isPinned, makeKeyPair } from './keys.ts'

let folder: string
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'keys-')), 'keys')
})
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }))

function publicBlob(pem: string): Buffer {
  const key = ssh2.utils.parseKey(pem)
  if (key instanceof Error) throw key
  return key.getPublicSSH()
}

test('keys are made once, private, and different from each other', async () => {
  const first = await ensureKeys(folder)
  expect(await ensureKeys(folder)).toEqual(first)
  expect(first.client.public).not.toBe(first.host.public)
  const names = (await readdir(folder)).sort()
  expect(names).toEqual(['host_ed25519', 'host_ed25519.pub', 'id_ed25519', 'id_ed25519.pub'])
  for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
})

const hasOpenSsh = spawnSync('ssh-keygen', ['-?']).error === undefined

test.runIf(hasOpenSsh)('OpenSSH reads the private key and agrees on the public one', async () => {
  const { client } = await ensureKeys(folder)
  const path = join(folder, 'id_ed25519')
  const derived = execFileSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' }).trim()
  expect(derived).toBe(client.public)
  expect((await readFile(`${path}.pub`, 'utf8')).trim()).toBe(client.public)
})

test('a damaged key is replaced', async () => {
  const first = await ensureKeys(folder)
  await writeFile(join(folder, 'host_ed25519'), first.host.private.slice(0, 60))
  const second = await ensureKeys(folder)
  expect(second.client).toEqual(first.client)
  expect(second.host.public).not.toBe(first.host.public)
})

test('only the pinned key is accepted', async () => {
  const { client, host } = await ensureKeys(folder)
  expect([
    isPinned(publicBlob(host.private), host.public),
    isPinned(publicBlob(client.private), host.public),
  ]).toEqual([true, false])
})

test('every key that is made can be read, also those with a leading zero', () => {
  const unreadable = Array.from({ length: 2000 }, () => makeKeyPair('x').private).filter(
    (key) => ssh2.utils.parseKey(key) instanceof Error,
  )
  expect(unreadable).toEqual([])
})
