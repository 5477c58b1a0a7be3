/** The registry client against servers that misbehave; the well-behaved one is in images.root.test.ts. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { EngineConfig } from '../../api/slipway.ts'
import type { Digest } from '../content/store.ts'
import { parseTagged, type Reference } from './reference.ts'
import { Registry } from './registry.ts'
import { RegistryHttp } from './registry-http.ts'

const BLOB = Buffer.from('0123456789'.repeat(10_000))
const DIGEST: Digest = `sha256:${createHash('sha256').update(BLOB).digest('hex')}`
const MANIFEST = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' }),
)
const CONFIG: EngineConfig = {
  registryMirrors: [],
  insecureRegistries: [],
  httpProxy: '',
  httpsProxy: '',
  noProxy: '',
  portModel: 'direct',
  registryCertificates: [],
  sharedFolders: [],
  hostPlatform: 'linux',
}

type Handler = (request: IncomingMessage, response: ServerResponse, attempt: number) => void
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function serve(handler: Handler): Promise<{ host: string; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    handler(request, response, requests.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

function client(config: Partial<EngineConfig> = {}): Registry {
  const http = new RegistryHttp({ config: () => CONFIG, timeouts: { head: 500, idle: 200 } })
  cleanups.push(() => http[Symbol.asyncDispose]())
  return new Registry({ http, config: () => ({ ...CONFIG, ...config }), backoffMs: 1 })
}

function read(
  registry: Registry,
  reference: Reference,
  size = BLOB.length,
  signal?: AbortSignal,
): Promise<Buffer> {
  return registry.withRepository(reference, signal ? { signal } : {}, async (repository) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of repository.blob({ digest: DIGEST, size }, signal ? { signal } : {}))
      chunks.push(chunk)
    return Buffer.concat(chunks)
  })
}

function manifest(registry: Registry, reference: Reference, auth?: { username: string; password: string }) {
  return registry.withRepository(reference, { auth }, (repository) =>
    repository.manifest(reference.tag ?? ''),
  )
}

function sendManifest(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' })
  response.end(MANIFEST)
}

describe('blobs', () => {
  it('goes on where the connection was cut', async () => {
    const { host, requests } = await serve((request, response) => {
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const end = Math.min(start + 40_000, BLOB.length)
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': BLOB.length - start })
      response.write(BLOB.subarray(start, end), () => {
        if (end === BLOB.length) response.end()
        else response.destroy()
      })
    })
    expect((await read(client(), parseTagged(`${host}/a`))).equals(BLOB)).toBe(true)
    expect(requests).toHaveLength(3)
  })

  it('starts over quietly with a server that knows no ranges', async () => {
    const { host } = await serve((_request, response, attempt) => {
      response.writeHead(200, { 'content-length': BLOB.length })
      if (attempt === 1) response.write(BLOB.subarray(0, 50_000), () => response.destroy())
      else response.end(BLOB)
    })
    expect((await read(client(), parseTagged(`${host}/a`))).equals(BLOB)).toBe(true)
  })

  it('gives a stalled connection up and tries again', async () => {
    const { host, requests } = await serve((request, response) => {
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': BLOB.length - start })
      if (start > 0) response.end(BLOB.subarray(start))
      else response.write(BLOB.subarray(0, 10))
    })
    expect((await read(client(), parseTagged(`${host}/a`))).equals(BLOB)).toBe(true)
    expect(requests).toHaveLength(2)
  })

  it('does not wait for ever for a server that says nothing at all', async () => {
    const { host } = await serve(() => undefined)
    await expect(read(client(), parseTagged(`${host}/a`))).rejects.toThrow('timeout')
  })

  it('refuses more bytes than announced', async () => {
    const { host } = await serve((_request, response) => response.writeHead(200).end(BLOB))
    await expect(read(client(), parseTagged(`${host}/a`), 100)).rejects.toMatchObject({
      kind: 'data_loss',
      message: `content ${DIGEST}: longer than the announced 100 bytes`,
    })
  })

  it('says how far it came with a server that always sends too little', async () => {
    const { host } = await serve((_request, response) => response.writeHead(200).end())
    await expect(read(client(), parseTagged(`${host}/a`))).rejects.toMatchObject({ kind: 'data_loss' })
  })

  it('sends no credentials to where a redirect points', async () => {
    const seen: (string | undefined)[] = []
    const storage = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(200).end(BLOB)
    })
    const { host } = await serve((request, response) => {
      if (!request.headers.authorization)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      else response.writeHead(307, { location: `http://${storage.host}/blob` }).end()
    })
    const registry = client()
    const reference = parseTagged(`${host}/a`)
    const auth = { username: 'u', password: 'p' }
    const bytes = await registry.withRepository(reference, { auth }, async (repository) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of repository.blob({ digest: DIGEST, size: BLOB.length })) chunks.push(chunk)
      return Buffer.concat(chunks)
    })
    expect(bytes.equals(BLOB)).toBe(true)
    expect(seen).toEqual([undefined])
  })

  it('stops at once when it is cancelled', async () => {
    const { host } = await serve((_request, response) => response.writeHead(200).write('x'))
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 20)
    await expect(read(client(), parseTagged(`${host}/a`), BLOB.length, abort.signal)).rejects.toThrow(
      /abort/i,
    )
  })
})

describe('manifests', () => {
  it('refuses content that is not what the digest says', async () => {
    const { host } = await serve((_request, response) => sendManifest(response))
    const registry = client()
    const reference = parseTagged(`${host}/a@${DIGEST}`)
    const pull = registry.withRepository(reference, {}, (repository) => repository.manifest(DIGEST))
    await expect(pull).rejects.toMatchObject({ kind: 'data_loss', message: expect.stringContaining(DIGEST) })
  })

  it('tries again while the registry is busy, then says what it said', async () => {
    const busy = await serve((_request, response, attempt) => {
      if (attempt < 3) response.writeHead(503).end('later')
      else sendManifest(response)
    })
    await expect(manifest(client(), parseTagged(`${busy.host}/a`))).resolves.toMatchObject({
      bytes: MANIFEST,
    })
    const { host, requests } = await serve((_request, response) => response.writeHead(500).end('broken'))
    await expect(manifest(client(), parseTagged(`${host}/a`))).rejects.toThrow(
      'received unexpected HTTP status: 500 Internal Server Error: broken',
    )
    expect(requests).toHaveLength(5)
  })

  it.each([
    [
      404,
      'MANIFEST_UNKNOWN',
      'manifest unknown',
      'manifest for H/a:latest not found: manifest unknown: manifest unknown',
    ],
    [404, 'NAME_UNKNOWN', 'no such name', 'repository H/a not found: name unknown: no such name'],
    [
      403,
      'DENIED',
      'requested access to the resource is denied',
      "pull access denied for H/a, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    ],
  ])('words %i %s as dockerd', async (status, code, message, expected) => {
    const { host } = await serve((_request, response) =>
      response.writeHead(status).end(JSON.stringify({ errors: [{ code, message }] })),
    )
    await expect(manifest(client(), parseTagged(`${host}/a`))).rejects.toMatchObject({
      kind: 'not_found',
      message: expected.replaceAll('H', host),
    })
  })

  it('caps what it reads of an answer', async () => {
    const { host } = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' })
      response.end(Buffer.alloc(5 * 1024 * 1024))
    })
    await expect(manifest(client(), parseTagged(`${host}/a`))).rejects.toMatchObject({ kind: 'data_loss' })
  })
})

describe('authentication', () => {
  it('fetches a bearer token once for a repository', async () => {
    let tokens = 0
    const { host } = await serve((request, response) => {
      const url = new URL(request.url ?? '', `http://${request.headers.host}`)
      if (url.pathname === '/token') {
        tokens++
        expect(url.searchParams.get('service')).toBe('svc')
        expect(url.searchParams.get('scope')).toBe('repository:a:pull')
        response.end(JSON.stringify({ token: 'secret', expires_in: 300 }))
      } else if (request.headers.authorization === 'Bearer secret') sendManifest(response)
      else {
        const challenge = `Bearer realm="http://${request.headers.host}/token",service="svc",scope="repository:a:pull"`
        response.writeHead(401, { 'www-authenticate': challenge }).end()
      }
    })
    const reference = parseTagged(`${host}/a`)
    await client().withRepository(reference, {}, async (repository) => {
      await repository.manifest('1')
      await repository.manifest('2')
    })
    expect(tokens).toBe(1)
  })

  it('answers basic challenges, and says so when it has nothing to answer with', async () => {
    const { host } = await serve((request, response) => {
      if (request.headers.authorization === `Basic ${Buffer.from('u:p').toString('base64')}`)
        sendManifest(response)
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end()
    })
    const reference = parseTagged(`${host}/a`)
    await expect(manifest(client(), reference, { username: 'u', password: 'p' })).resolves.toMatchObject({
      bytes: MANIFEST,
    })
    await expect(manifest(client(), reference)).rejects.toThrow('no basic auth credentials')
    await expect(manifest(client(), reference, { username: 'u', password: 'wrong' })).rejects.toMatchObject({
      kind: 'unauthenticated',
      message: 'unauthorized: authentication required',
    })
  })
})

describe('endpoints', () => {
  it('asks the mirrors of Docker Hub in order and passes over those that fail', async () => {
    const broken = await serve((_request, response) => response.writeHead(404).end())
    const good = await serve((_request, response) => sendManifest(response))
    const registry = client({ registryMirrors: [`http://${broken.host}`, `http://${good.host}/`] })
    await expect(manifest(registry, parseTagged('busybox'))).resolves.toMatchObject({ bytes: MANIFEST })
    expect(good.requests).toEqual(['GET /v2/library/busybox/manifests/latest'])
  })

  it('does not send the password for Docker Hub to a mirror', async () => {
    const seen: (string | undefined)[] = []
    const mirror = await serve((request, response) => {
      seen.push(request.headers.authorization)
      sendManifest(response)
    })
    const registry = client({ registryMirrors: [`http://${mirror.host}`] })
    await manifest(registry, parseTagged('busybox'), { username: 'u', password: 'p' })
    expect(seen).toEqual([undefined])
  })

  it('says which address refused, as dockerd', async () => {
    await expect(manifest(client(), parseTagged('127.0.0.1:1/a'))).rejects.toThrow(
      'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    )
  })
})
