import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageVersions } from './debian.ts'
import { IMAGE_FILES, imageManifest } from './manifest.ts'

test('tells versions and sizes and nothing of the host', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'manifest-'))
  try {
    for (const [index, name] of IMAGE_FILES.entries())
      await writeFile(join(folder, name), 'x'.repeat(index + 1))
    const packages = packageVersions([
      'crun_1.21-1_amd64.deb',
      'openssh-server_1%3a10.0p1-7_amd64.deb',
      'libx_1_amd64.deb',
      'lock',
    ])
    const facts = { arch: 'arm64', recipe: '0123456789ab', release: '6.12.1', packages } as const
    const manifest = await imageManifest(folder, facts)
    expect(manifest).toMatchObject({
      version: 1,
      arch: 'arm64',
      recipe: '0123456789ab',
      suite: 'trixie',
      console: 'ttyAMA0',
    })
    expect(manifest.kernelArguments).toContain('lsm=landlock,yama')
    expect(manifest.sizes).toEqual({ vmlinuz: 1, 'initrd.img': 2, 'system.img': 3, 'welcome.tar': 4 })
    expect(manifest.versions).toEqual({
      kernel: '6.12.1',
      node: expect.stringMatching(/^26\./),
      crun: '1.21-1',
      'openssh-server': '1:10.0p1-7',
    })
    expect(await imageManifest(folder, facts)).toEqual(manifest)
  } finally {
    await rm(folder, { recursive: true })
  }
})
