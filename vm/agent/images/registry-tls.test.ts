/** Registries with a private authority, and those that want to know who asks. Certificates are openssl's. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { RegistryCertificate } from '../../api/slipway.ts'
import { RegistryHttp, readBody } from './registry-http.ts'

const folder = mkdtempSync(join(tmpdir(), 'tls-'))
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
const pem = (name: string) => readFileSync(join(folder, name), 'utf8')
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

openssl('req', '-x509', ...KEY, '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem')
sign('server', 'subjectAltName=DNS:localhost')
sign('client', 'extendedKeyUsage=clientAuth')
afterAll(() => rmSync(folder, { recursive: true }))

function sign(name: string, extension: string): void {
  writeFileSync(join(folder, `${name}.ext`), extension)
  openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2']
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-extfile', `${name}.ext`, '-out', `${name}.pem`)
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function serve(options: ServerOptions = {}): Promise<string> {
  const server = createServer(
    { key: pem('server.key'), cert: pem('server.pem'), ...options },
    (_, response) => response.end('hello'),
  )
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `localhost:${(server.address() as AddressInfo).port}`
}

async function get(host: string, registryCertificates: RegistryCertificate[]): Promise<string> {
  const config = { httpProxy: '', httpsProxy: '', noProxy: '', registryCertificates }
  const http = new RegistryHttp({ config: () => config })
  cleanups.push(() => http[Symbol.asyncDispose]())
  const response = await http.request({ method: 'GET', url: new URL(`https://${host}/v2/`) })
  return (await readBody(response, 100)).toString()
}

describe('certificates of a registry', () => {
  it('is refused in Docker’s words without them', async () => {
    const host = await serve()
    await expect(get(host, [])).rejects.toThrow(
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    )
  })

  it('trusts the authority for the registry it is of, and for no other', async () => {
    const host = await serve()
    const ca = [pem('ca.pem')]
    expect(await get(host, [{ registry: host, ca, clients: [] }])).toBe('hello')
    expect(await get(host, [{ registry: host.replace(':', ''), ca, clients: [] }])).toBe('hello')
    await expect(get(host, [{ registry: 'other:443', ca, clients: [] }])).rejects.toThrow('unknown authority')
  })

  it('shows the client’s certificate where one is wanted', async () => {
    const host = await serve({ ca: pem('ca.pem'), requestCert: true, rejectUnauthorized: true })
    const ca = [pem('ca.pem')]
    const clients = [{ certificate: pem('client.pem'), key: pem('client.key') }]
    expect(await get(host, [{ registry: host, ca, clients }])).toBe('hello')
    await expect(get(host, [{ registry: host, ca, clients: [] }])).rejects.toThrow()
  })
})
