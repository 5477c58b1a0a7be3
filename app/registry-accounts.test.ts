import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RegistryAccounts, registryOf, type Vault } from './registry-accounts.ts'

let folder: string
const said: string[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sw-reg-'))
  await mkdir(join(folder, 'docker'))
  said.length = 0
})
afterEach(() => rm(folder, { recursive: true }))

const vault: Vault = {
  seal: (secret) => Buffer.from(secret).toString('base64'),
  open: (sealed) => Buffer.from(sealed, 'base64').toString(),
}
const open = (given?: Vault) =>
  new RegistryAccounts({
    path: join(folder, 'registries.json'),
    dockerConfig: join(folder, 'docker'),
    vault: given,
    log: (message) => said.push(message),
  })
const dockerConfig = (config: object) => writeFile(join(folder, 'docker/config.json'), JSON.stringify(config))

test('the registry of an image name', () => {
  expect(
    ['redis', 'me/app:1', 'localhost/a', 'Reg.local:5000/a/b', 'ghcr.io/x', 'index.docker.io/library/x'].map(
      registryOf,
    ),
  ).toEqual(['docker.io', 'docker.io', 'localhost', 'reg.local:5000', 'ghcr.io', 'docker.io'])
})

test('an account is kept in a private file, used for its registry only, and forgotten', async () => {
  const accounts = open()
  await accounts.put({ host: 'reg:5000', user: 'anna', password: 'old' })
  await accounts.put({ host: 'reg:5000', user: 'anna', password: 'secret' })
  expect((await stat(join(folder, 'registries.json'))).mode & 0o777).toBe(0o600)
  expect(await open().list()).toEqual({
    accounts: [{ host: 'reg:5000', user: 'anna', source: 'slipway', usable: true }],
    storage: 'file',
  })
  const auth = { username: 'anna', password: 'secret', serveraddress: 'reg:5000' }
  expect(await accounts.forImage('reg:5000/app:1')).toEqual(auth)
  expect(await accounts.forImage('redis')).toBeUndefined()
  expect(await accounts.all()).toEqual({ 'reg:5000': auth })
  await accounts.remove('reg:5000')
  expect(await accounts.forImage('reg:5000/app:1')).toBeUndefined()
  await expect(accounts.remove('reg:5000')).rejects.toMatchObject({ kind: 'not_found' })
})

test('with a vault the password is not in the file, and without it cannot be used', async () => {
  const accounts = open(vault)
  await accounts.put({ host: 'docker.io', user: 'me', password: 'pass-word' })
  expect(await readFile(join(folder, 'registries.json'), 'utf8')).not.toContain('pass-word')
  expect((await accounts.list()).storage).toBe('keychain')
  expect(await accounts.forImage('redis:7')).toEqual({
    username: 'me',
    password: 'pass-word',
    serveraddress: 'https://index.docker.io/v1/',
  })
  expect(await open().forImage('redis:7')).toBeUndefined()
  expect((await open().list()).accounts).toMatchObject([{ host: 'docker.io', usable: false }])
})

test('what docker login left is used where nothing of our own is', async () => {
  const auth = Buffer.from('bob:p:w').toString('base64')
  await dockerConfig({
    auths: { 'https://index.docker.io/v1/': { auth }, 'ghcr.io': { identitytoken: 't' } },
  })
  const accounts = open()
  expect(await accounts.forImage('redis')).toMatchObject({ username: 'bob', password: 'p:w' })
  expect(await accounts.forImage('ghcr.io/a/b')).toMatchObject({ identitytoken: 't' })
  await accounts.put({ host: 'docker.io', user: 'anna', password: 'x' })
  expect(await accounts.forImage('redis')).toMatchObject({ username: 'anna' })
  expect((await accounts.list()).accounts.map(({ host, source }) => `${host} ${source}`)).toEqual([
    'docker.io slipway',
    'ghcr.io docker',
  ])
})

test('a credential helper is asked as docker asks it', async () => {
  const helper = join(folder, 'docker-credential-fake')
  await writeFile(
    helper,
    '#!/bin/sh\nread host\necho "{\\"Username\\":\\"u\\",\\"Secret\\":\\"for $host\\"}"\n',
  )
  await chmod(helper, 0o755)
  await dockerConfig({ auths: { 'reg:1': {} }, credHelpers: { 'reg:1': 'fake', 'reg:2': 'gone' } })
  const before = process.env['PATH']
  process.env['PATH'] = `${folder}:${before}`
  expect(await open().forImage('reg:1/a')).toMatchObject({ username: 'u', password: 'for reg:1' })
  expect(await open().forImage('reg:2/a')).toBeUndefined()
  process.env['PATH'] = before
  expect(said.join()).toContain('docker-credential-gone')
})

test('files that cannot be read are said and not used', async () => {
  await writeFile(join(folder, 'registries.json'), '{')
  await dockerConfig({ auths: 7 })
  expect((await open().list()).accounts).toEqual([])
  expect(said).toHaveLength(2)
})
