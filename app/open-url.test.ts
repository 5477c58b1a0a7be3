import { expect, test } from 'vitest'
import { allowedExternal } from './open-url.ts'

test.each([
  'http://localhost:8080/',
  'https://127.0.0.1/',
  'http://[::1]:80/x',
  'https://hub.docker.com/_/redis',
])('opens %s', (url) => {
  expect(allowedExternal(url)).toBe(new URL(url).href)
})

test.each([
  'file:///etc/passwd',
  'javascript:alert(1)',
  'smb://localhost/share',
  'http://example.com/',
  'http://hub.docker.com/',
  'http://localhost@evil.example/',
  'http://user:pass@localhost/',
  'http://127.0.0.1.evil.example/',
  'nonsense',
])('refuses %s', (url) => {
  expect(() => allowedExternal(url)).toThrow()
})
