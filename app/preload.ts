/**
 * Runs between the page and Electron, isolated from both: three generic functions and nothing that grows with the
 * contract. Bundled to CommonJS, because a sandboxed preload can be nothing else.
 */
import { contextBridge, ipcRenderer } from 'electron'
import type { Bridge, Envelope } from './wire.ts'

const bridge: Bridge = {
  call: (method, args, callId) =>
    ipcRenderer.invoke('slipway:call', method, args, callId) as Promise<Envelope>,
  cancel: (callId) => ipcRenderer.send('slipway:cancel', callId),
  open(stream, nonce) {
    const { port1, port2 } = new MessageChannel()
    ipcRenderer.postMessage('slipway:open', stream, [port2 as never])
    // The bridge cannot carry ports; the page knows its own by the nonce.
    const page = globalThis as unknown as {
      postMessage(data: unknown, origin: string, ports: unknown[]): void
    }
    page.postMessage({ slipway: 'port', nonce }, '*', [port1])
  },
}
contextBridge.exposeInMainWorld('slipway', bridge)
