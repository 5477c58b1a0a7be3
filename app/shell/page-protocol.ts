import { protocol, type Session } from 'electron'
import { contentSecurityPolicy, pageFile } from '../static-files.ts'

export const PAGE_ORIGIN = 'app://slipway'

/** Must run before the app is ready: makes `app:` an origin of its own, secure, with storage and fetch. */
export function declarePageScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ])
}

/** Serves the built page under `app://slipway/`, and nothing else of the disk, with its security headers. */
export function servePageScheme(session: Session, folder: string): void {
  const csp = contentSecurityPolicy([])
  session.protocol.handle('app', async (request) => {
    const { host, pathname } = new URL(request.url)
    const file = host === 'slipway' ? await pageFile(folder, pathname) : undefined
    if (!file) return new Response('not found\n', { status: 404 })
    return new Response(new Uint8Array(file.body), {
      headers: {
        'content-type': file.type,
        'content-security-policy': csp,
        'x-content-type-options': 'nosniff',
      },
    })
  })
}
