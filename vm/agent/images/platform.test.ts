import { expect, test } from 'vitest'
import { hostPlatform, parsePlatform } from './platform.ts'

test.each([
  ['linux', { ...hostPlatform() }],
  ['amd64', { os: 'linux', architecture: 'amd64' }],
  ['linux/x86_64', { os: 'linux', architecture: 'amd64' }],
  ['Linux/aarch64', { os: 'linux', architecture: 'arm64' }],
  ['linux/arm64/v8', { os: 'linux', architecture: 'arm64', variant: 'v8' }],
  ['linux/arm/7', { os: 'linux', architecture: 'arm', variant: 'v7' }],
  ['armel', { os: 'linux', architecture: 'arm', variant: 'v6' }],
  ['macos', { os: 'darwin', architecture: hostPlatform().architecture }],
  ['windows(10.0.17763)/amd64', { os: 'windows', architecture: 'amd64' }],
  ['linux/sparc64', { os: 'linux', architecture: 'sparc64' }],
])('%s', (text, platform) => {
  expect(parsePlatform(text)).toEqual(platform)
})

test.each([
  ['  ', '"  " is an invalid OS component of "  ": OSAndVersion specifier component must match "'],
  ['/', '"" is an invalid OS component of "/": OSAndVersion specifier component must match "'],
  ['linux/', '"" is an invalid component of "linux/": platform specifier component must match "'],
  ['a/b/c/d', '"a/b/c/d": cannot parse platform specifier: invalid argument'],
  ['nintendo64', '"nintendo64": unknown operating system or architecture: invalid argument'],
])('%j is refused', (text, message) => {
  expect(() => parsePlatform(text)).toThrow(message)
})
