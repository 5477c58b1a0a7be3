import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { RegistryCertificates } from './registry-certificates.ts'

let path: string
let certificates: RegistryCertificates | undefined
const log = vi.fn()
const onChange = vi.fn()
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'certs-')), 'certs.d')
  log.mockClear()
  onChange.mockClear()
})
afterEach(async () => {
  await certificates?.[Symbol.asyncDispose]()
  await rm(join(path, '..'), { recursive: true })
})

async function lay(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(path, name, '..'), { recursive: true })
    await writeFile(join(path, name), text)
  }
}
const open = async () => {
  certificates = await RegistryCertificates.open({ path, log, onChange })
  return certificates
}

it('makes the folder, for its owner’s eyes only', async () => {
  expect((await open()).value).toEqual([])
  expect((await stat(path)).mode & 0o777).toBe(0o700)
})

it('takes authorities and pairs as Docker’s certs.d has them, and leaves out half of a pair with a word', async () => {
  await lay({
    'registry.test:5000/ca.crt': 'CA',
    'registry.test:5000/second.crt': 'CA 2',
    'registry.test:5000/client.cert': 'CERT',
    'registry.test:5000/client.key': 'KEY',
    'registry.test:5000/lonely.cert': 'CERT',
    'registry.test:5000/readme.txt': 'hello',
    'empty.test/notes': '',
    'stray.crt': 'CA',
  })
  expect((await open()).value).toEqual([
    { registry: 'registry.test:5000', ca: ['CA', 'CA 2'], clients: [{ certificate: 'CERT', key: 'KEY' }] },
  ])
  expect(log).toHaveBeenCalledWith(expect.stringContaining('lonely.key'))
})

it('notices a registry that is added and one that goes', async () => {
  const { value } = await open()
  expect(value).toEqual([])
  await lay({ 'registry.test/ca.crt': 'CA' })
  await expect.poll(() => certificates?.value).toHaveLength(1)
  expect(onChange).toHaveBeenCalled()
  await rm(join(path, 'registry.test'), { recursive: true })
  await expect.poll(() => certificates?.value).toEqual([])
})
