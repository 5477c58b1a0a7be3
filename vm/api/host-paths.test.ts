import { expect, test } from 'vitest'
import { hasDrive, nativeHostPath, posixHostPath, sharedHostPath } from './host-paths.ts'

test('the forms of a path on Windows are one', () => {
  const forms = [
    'C:\\Users\\me\\app',
    'C:/Users/me/app',
    'c:\\Users/me\\app\\',
    '//c/Users/me/app',
    '/c/Users/me/app',
  ]
  for (const form of forms) expect(posixHostPath(form, 'win32'), form).toBe('/c/Users/me/app')
  expect(posixHostPath('C:\\', 'win32')).toBe('/c')
  expect(posixHostPath('C:', 'win32')).toBe('/c')
  expect(posixHostPath('C:\\a\\..\\b\\.\\c', 'win32')).toBe('/c/b/c')
})

test('what is no absolute path of Windows is none', () => {
  const others = ['\\\\server\\share', '//server/share', '/var/run/docker.sock', '/', 'C:app', 'name', '']
  for (const other of others) expect(posixHostPath(other, 'win32'), other).toBeUndefined()
})

test('elsewhere a path is what it is, and a drive is no path', () => {
  expect(posixHostPath('/home/me//app/./x/../', 'linux')).toBe('/home/me/app')
  expect(posixHostPath('/../..', 'darwin')).toBe('/')
  expect(posixHostPath('C:\\Users', 'darwin')).toBeUndefined()
  expect(posixHostPath('app', 'linux')).toBeUndefined()
  expect(posixHostPath('/c/Users', 'linux')).toBe('/c/Users')
  expect([hasDrive('C:\\x', 'win32'), hasDrive('C:\\x', 'linux'), hasDrive('/c/x', 'win32')]).toEqual([
    true,
    false,
    false,
  ])
})

test('a path goes back to the form of its computer', () => {
  expect(nativeHostPath('/c/Users/me', 'win32')).toBe('C:\\Users\\me')
  expect(nativeHostPath('/c', 'win32')).toBe('C:\\')
  expect(nativeHostPath('/home/me', 'linux')).toBe('/home/me')
  expect(nativeHostPath('/c/Users', 'darwin')).toBe('/c/Users')
})

test('a folder holds itself and what is below it, not its neighbours', () => {
  const folders = ['/home/me', '/srv/']
  for (const path of ['/home/me', '/home/me/app', '/srv', '/srv/x']) {
    expect(sharedHostPath(path, folders, 'linux'), path).toBe(path)
  }
  for (const path of ['/home', '/home/melanie', '/', '/Home/me', '/srvx']) {
    expect(sharedHostPath(path, folders, 'linux'), path).toBeUndefined()
  }
  expect(sharedHostPath('/etc', ['/'], 'linux')).toBe('/etc')
  expect(sharedHostPath('/etc', [], 'linux')).toBeUndefined()
})

test('case makes no difference where it makes none on the computer', () => {
  expect(sharedHostPath('/users/me/App', ['/Users'], 'darwin')).toBe('/Users/me/App')
  expect(sharedHostPath('/c/users/me', ['C:\\Users'], 'win32')).toBe('/c/Users/me')
  expect(sharedHostPath('/c/x', ['C:\\'], 'win32')).toBe('/c/x')
  expect(sharedHostPath('/d/x', ['C:\\'], 'win32')).toBeUndefined()
})
