import type { Session } from 'electron'
import { contentSecurityPolicy, pageFile } from '../static-files.ts'

/**
 * The page's address: an ordinary secure origin, whose name can never be resolved, answered inside the window's session.
 * (A scheme of our own would have to be declared before Electron is ready, which not every way of loading an app allows.)
 */
export const PAGE_ORIGIN = 'https://slipway.invalid'

/**
 * Makes a session that knows our page and nothing else: whatever the page asks of the web, by either scheme, is
 * answered here, so that no request leaves the computer.
 */
export function servePage(session: Session, folder: string): void {
  const csp = contentSecurityPolicy([])
  session.protocol.handle('https', async (request) => {
    const { origin, pathname } = new URL(request.url)
    const file = origin === PAGE_ORIGIN ? await pageFile(folder, pathname) : undefined
    if (!file) return new Response('not found\n', { status: 404 })
    return new Response(new Uint8Array(file.body), {
      headers: {
        'content-type': file.type,
        'content-security-policy': csp,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      },
    })
  })
  session.protocol.handle('http', () => new Response('not found\n', { status: 404 }))
}
