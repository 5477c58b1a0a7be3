import { expect, it } from 'vitest'
import { frontendRequest } from './frontend-options.ts'

it('reads what docker build asks for', () => {
  const request = frontendRequest({
    filename: 'other.Dockerfile',
    target: 't',
    'no-cache': 'A,b',
    platform: 'linux/amd64',
    'build-arg:X': '1',
    'label:l': 'v',
    'image-resolve-mode': 'pull',
    'add-hosts': 'a=1.2.3.4,b=::1',
    'shm-size': '1024',
    ulimit: 'nofile=1:2,nproc=3',
    'force-network-mode': 'none',
    'context:base': 'docker-image://busybox:1',
    'context:files::linux/amd64': 'local:files',
    'frontend.caps': 'moby.buildkit.frontend.contexts+forward',
    cmdline: 'x',
  })
  expect(request.options).toMatchObject({
    dockerfile: 'other.Dockerfile',
    target: 't',
    noCache: false,
    noCacheStages: ['a', 'b'],
    pull: true,
    platform: 'linux/amd64',
    buildArgs: { X: '1' },
    labels: { l: 'v' },
    extraHosts: ['a:1.2.3.4', 'b:::1'],
    shmSize: 1024,
    ulimits: [
      { Name: 'nofile', Soft: 1, Hard: 2 },
      { Name: 'nproc', Soft: 3, Hard: 3 },
    ],
    networkMode: 'none',
  })
  expect(request).toMatchObject({
    context: { folder: 'context' },
    dockerfileFolder: 'dockerfile',
    images: new Map([['base', 'busybox:1']]),
    folders: new Map([['files', 'files']]),
  })
  expect(frontendRequest({ 'no-cache': '' }).options.noCache).toBe(true)
  expect(frontendRequest({ context: 'http://buildkit-session/abc' })).toMatchObject({
    context: { upload: 'abc' },
    dockerfileFolder: undefined,
  })
})

it.each([
  [{ platform: 'linux/amd64,linux/arm64' }, 'a build for several platforms (linux/amd64,linux/arm64)'],
  [{ 'attest:sbom': 'x' }, 'attestation sbom'],
  [{ requestid: 'frontend.outline' }, 'request frontend.outline'],
  [{ context: 'https://example.com/a.git' }, 'build context https://example.com/a.git'],
  [{ 'context:a': 'target:b' }, 'build context a=target:b'],
  [{ 'cgroup-parent': 'x' }, 'option cgroup-parent=x'],
  [{ nosuch: 'x' }, 'frontend option nosuch=x'],
  [{ source: 'example/frontend' }, 'frontend example/frontend'],
])('refuses %j', (attributes, message) => {
  expect(() => frontendRequest(attributes)).toThrow(`${message} is not supported by this builder`)
})
