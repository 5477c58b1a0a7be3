import { expect, test } from 'vitest'
import { classify, isPath, type SourceRules } from './source.ts'

const OWN = ['/proc', '/run', '/var/lib/slipway']
const linux: SourceRules = { sharedFolders: ['/home/me'], hostPlatform: 'linux', own: OWN }
const mac: SourceRules = { sharedFolders: ['/Users', '/tmp'], hostPlatform: 'darwin', own: OWN }
const windows: SourceRules = { sharedFolders: ['C:\\Users'], hostPlatform: 'win32', own: OWN }

test('what a shared folder holds is the host’s, also where the VM has that path', () => {
  expect(classify('/home/me/app', linux)).toEqual({ kind: 'shared', path: '/home/me/app' })
  expect(classify('/home/me/../me/app/', linux)).toEqual({ kind: 'shared', path: '/home/me/app' })
  expect(classify('/tmp', mac)).toEqual({ kind: 'shared', path: '/tmp' })
})

test('other paths are the VM’s until it does not have them', () => {
  expect(classify('/lib/modules', linux)).toEqual({ kind: 'machine', hostPath: '/lib/modules' })
  expect(classify('/home/me/../you', linux)).toEqual({ kind: 'machine', hostPath: '/home/you' })
})

test('every form of a path on Windows leads to the same folder', () => {
  for (const source of ['C:\\Users\\me\\app', 'c:/users/me/app', '//c/Users/me/app', '/c/Users/me/app']) {
    expect(classify(source, windows), source).toEqual({ kind: 'shared', path: '/c/Users/me/app' })
  }
})

test('a drive that is not shared cannot be meant in the VM; a path without a drive can', () => {
  expect(classify('D:\\data', windows)).toEqual({ kind: 'foreign', hostPath: '/d/data' })
  expect(classify('/d/data', windows)).toEqual({ kind: 'machine', hostPath: '/d/data' })
  expect(classify('/lib/modules', windows)).toEqual({ kind: 'machine', hostPath: undefined })
})

test('the socket that tools take from DOCKER_HOST is the engine’s', () => {
  expect(classify('/home/me/.slipway/docker.sock', linux)).toEqual({ kind: 'socket' })
  expect(classify('C:\\Users\\me\\.slipway\\docker.sock', windows)).toEqual({ kind: 'socket' })
  expect(classify('/var/run/docker.sock', mac)).toEqual({ kind: 'socket' })
})

test('what the kernel shows and the engine keeps is the VM’s even where everything is shared', () => {
  const all = { ...linux, sharedFolders: ['/'] }
  for (const path of ['/proc', '/proc/sys', '/run/x', '/var/lib/slipway/build/a']) {
    expect(classify(path, all), path).toEqual({ kind: 'machine', hostPath: undefined })
  }
  expect(classify('/etc/hosts', all)).toEqual({ kind: 'shared', path: '/etc/hosts' })
})

test('a name is no path', () => {
  expect(isPath('data', 'linux')).toBe(false)
  expect(isPath('C:\\data', 'linux')).toBe(false)
  expect([isPath('/data', 'win32'), isPath('C:\\data', 'win32')]).toEqual([true, true])
})
