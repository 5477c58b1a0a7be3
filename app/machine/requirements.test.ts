import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { say } from '../sayings.ts'
import { findQemu, installHint, parseVersion } from './requirements.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qemu-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function program(name: string, output: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `#!/bin/sh\necho '${output}'\n`)
  await chmod(path, 0o755)
  return path
}
const here = () => ({ env: { PATH: folder }, platform: 'linux' as const, folders: [] })

test.each([
  ['QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)', '7.2.22'],
  ['QEMU emulator version 10.1.0\nCopyright (c) …', '10.1.0'],
  ['QEMU emulator version 9.0 (v9.0.0-11922)', '9.0'],
  ['something else', undefined],
])('version of %s', (text, expected) => expect(parseVersion(text)).toBe(expected))

test('the program of the architecture is found on the path, with its version', async () => {
  const path = await program('qemu-system-aarch64', 'QEMU emulator version 8.1.2')
  expect(await findQemu('arm64', here())).toEqual({ path, version: '8.1.2' })
})

test('a missing program is an error that says what to install', async () => {
  await expect(findQemu('x64', here())).rejects.toMatchObject({
    kind: 'vm_failed',
    message: 'QEMU (qemu-system-x86_64) is not installed',
    hint: expect.stringContaining('apt-get install qemu-system-x86'),
  })
})

test('one that is too old is named with its version', async () => {
  const path = await program('qemu-system-x86_64', 'QEMU emulator version 5.2.0')
  await expect(findQemu('x64', here())).rejects.toThrow(`${path} is QEMU 5.2.0, too old`)
})

test('SLIPWAY_QEMU wins and is not replaced by another', async () => {
  await program('qemu-system-x86_64', 'QEMU emulator version 8.1.2')
  const env = { PATH: folder, SLIPWAY_QEMU: join(folder, 'mine') }
  await expect(findQemu('x64', { ...here(), env })).rejects.toThrow('mine')
})

test('every platform is told its own command', () => {
  expect(say(installHint('arm64', 'darwin'))).toContain('brew install qemu')
  expect(say(installHint('x64', 'win32'))).toContain('winget install SoftwareFreedomConservancy.QEMU')
  expect(say(installHint('arm64', 'linux'))).toContain('dnf install qemu-system-aarch64-core')
  expect(say(installHint('x64', 'linux'))).toContain('pacman -S qemu-base')
})
