import { describe, expect, it } from 'vitest'
import { familiarName, familiarString, parseReference, parseTagged, tagString } from './reference.ts'

const hex = 'a'.repeat(64)

describe('parseTagged', () => {
  it.each([
    ['busybox', 'docker.io', 'library/busybox', 'latest', 'busybox:latest'],
    ['centos:7', 'docker.io', 'library/centos', '7', 'centos:7'],
    ['me/app', 'docker.io', 'me/app', 'latest', 'me/app:latest'],
    ['docker.io/busybox', 'docker.io', 'library/busybox', 'latest', 'busybox:latest'],
    ['index.docker.io/library/busybox', 'docker.io', 'library/busybox', 'latest', 'busybox:latest'],
    ['localhost/app', 'localhost', 'app', 'latest', 'localhost/app:latest'],
    ['localhost:5000/app:1', 'localhost:5000', 'app', '1', 'localhost:5000/app:1'],
    ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000', 'a/b/c', 'latest', '127.0.0.1:5000/a/b/c:latest'],
    ['[::1]:5000/a', '[::1]:5000', 'a', 'latest', '[::1]:5000/a:latest'],
    ['ghcr.io/o/i_x__y--z:v1.0-rc', 'ghcr.io', 'o/i_x__y--z', 'v1.0-rc', 'ghcr.io/o/i_x__y--z:v1.0-rc'],
    ['Host/app', 'Host', 'app', 'latest', 'Host/app:latest'],
  ])('%s', (text, domain, path, tag, familiar) => {
    const reference = parseTagged(text)
    expect(reference).toEqual({ domain, path, tag, digest: undefined })
    expect(familiarString(reference)).toBe(familiar)
  })

  it('takes digests, with and without a tag', () => {
    expect(parseTagged(`busybox@sha256:${hex}`)).toMatchObject({ tag: undefined, digest: `sha256:${hex}` })
    const both = parseReference(`busybox:1@sha256:${hex}`)
    expect(both).toMatchObject({ tag: '1', digest: `sha256:${hex}` })
    expect(familiarString(both)).toBe(`busybox:1@sha256:${hex}`)
  })

  it('keeps docker.io/library apart from deeper paths when it shortens', () => {
    expect(familiarName({ domain: 'docker.io', path: 'library/a/b' })).toBe('library/a/b')
    expect(tagString({ domain: 'docker.io', path: 'a/b', tag: undefined, digest: undefined })).toBe(
      'a/b:latest',
    )
  })
})

describe('refusals, in the words of Docker', () => {
  it.each([
    ['', 'invalid reference format'],
    [':tag', 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['a:', 'invalid reference format'],
    ['a:b:c', 'invalid reference format'],
    ['a b', 'invalid reference format'],
    ['-a', 'invalid reference format'],
    ['a:-x', 'invalid reference format'],
    ['../etc/passwd', 'invalid reference format'],
    ['Busybox', 'invalid reference format: repository name (library/Busybox) must be lowercase'],
    ['me/App:1', 'invalid reference format: repository name (me/App) must be lowercase'],
    ['busybox@sha256:12', 'invalid reference format'],
    [`busybox@sha256:${'a'.repeat(40)}`, 'invalid checksum digest length'],
    [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
    ['a'.repeat(256), 'repository name must not be more than 255 characters'],
    [`a:${'t'.repeat(129)}`, 'invalid reference format'],
  ])('%s', (text, message) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ kind: 'invalid_argument', message }) as Error,
    )
  })
})
