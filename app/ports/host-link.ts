/**
 * The app's end of the host link: keeps one open while the engine runs and does what the engine asks. See
 * vm/api/slipway.ts for the protocol.
 */
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import * as v from 'valibot'
import { EngineError, kindOf, messageOf } from '../../vm/api/errors.ts'
import { LineDecoder } from '../../vm/api/lines.ts'
import type { Forward, HostLinkReply, HostLinkRequest } from '../../vm/api/slipway.ts'
import type { Dial } from '../machine/dial.ts'
import { pathExists } from './host-path.ts'
import { hostSubnets } from './host-subnets.ts'
import { openUpgrade } from './upgrade.ts'

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 2_000

const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535))
const forward = {
  protocol: v.picklist(['tcp', 'udp']),
  hostIp: v.string(),
  hostPort: port,
  hostPortEnd: v.exactOptional(port),
  containerIp: v.string(),
  containerPort: port,
  via: v.exactOptional(v.object({ ip: v.string(), port })),
  bound: v.exactOptional(v.array(v.string())),
}
const owner = { containerId: v.string(), containerName: v.string() }
const requestSchema = v.variant('type', [
  v.object({ id: v.number(), type: v.literal('expose'), ...owner, forwards: v.array(v.object(forward)) }),
  v.object({
    id: v.number(),
    type: v.literal('unexpose'),
    containerId: v.string(),
    forwards: v.array(v.object(forward)),
  }),
  v.object({
    id: v.number(),
    type: v.literal('sync'),
    forwards: v.array(v.object({ ...forward, ...owner })),
  }),
  v.object({ id: v.number(), type: v.literal('routes') }),
  v.object({ id: v.number(), type: v.literal('folders') }),
  v.object({ id: v.number(), type: v.literal('path'), path: v.string() }),
])

/** What the link drives. */
export interface Forwarder {
  expose(owner: { containerId: string; containerName: string }, forwards: Forward[]): Promise<Forward[]>
  unexpose(owner: { containerId: string }, forwards: Forward[]): Promise<void>
  sync(wanted: (Forward & { containerId: string; containerName: string })[]): Promise<Forward[]>
}

export interface HostLinkOptions {
  dial: Dial
  /** The engine's socket inside the VM. */
  socketPath: string
  forwarder: Forwarder
  /** Serves the shared folders; resolves when the guest can reach them. */
  folders: () => Promise<void>
  log: (message: string) => void
  signal: AbortSignal
  /** Called whenever the link came up or went down. */
  onChange?: (connected: boolean) => void
}

/** Runs until the signal aborts: connects, serves, and connects again when the link was lost. */
export async function keepHostLink(options: HostLinkOptions): Promise<void> {
  const { signal, log } = options
  let wait = FIRST_RETRY_MS
  while (!signal.aborted) {
    try {
      const stream = await openUpgrade(
        options.dial,
        { socketPath: options.socketPath, path: '/slipway/host-link', protocol: 'slipway-host-link' },
        { signal },
      )
      wait = FIRST_RETRY_MS
      options.onChange?.(true)
      await serve(stream, options)
      options.onChange?.(false)
    } catch (error) {
      if (!signal.aborted) log(`host link: ${messageOf(error)}`)
    }
    // Rejects only on abort, which the loop sees.
    await delay(wait, undefined, { signal }).catch(() => undefined)
    wait = Math.min(wait * 2, LAST_RETRY_MS)
  }
}

/** Answers one connection's requests until it ends. */
export function serve(
  stream: Duplex,
  options: Pick<HostLinkOptions, 'forwarder' | 'folders' | 'log' | 'signal'>,
): Promise<void> {
  const lines = new LineDecoder()
  return new Promise((resolve) => {
    const stop = () => stream.destroy()
    options.signal.addEventListener('abort', stop, { once: true })
    stream.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) void handle(line, stream, options)
      } catch (error) {
        options.log(`host link: ${messageOf(error)}`)
        stream.destroy()
      }
    })
    stream.on('error', (error) => options.log(`host link: ${error.message}`))
    stream.on('end', stop)
    stream.once('close', () => {
      options.signal.removeEventListener('abort', stop)
      resolve()
    })
  })
}

async function handle(
  line: string,
  stream: Duplex,
  options: Pick<HostLinkOptions, 'forwarder' | 'folders' | 'log'>,
): Promise<void> {
  let request: HostLinkRequest
  try {
    request = v.parse(requestSchema, JSON.parse(line))
  } catch (error) {
    options.log(`host link: cannot read a request: ${messageOf(error)}`)
    stream.destroy()
    return
  }
  const reply = await answer(request, options)
  if (!stream.destroyed) stream.write(`${JSON.stringify(reply)}\n`)
}

async function answer(
  request: HostLinkRequest,
  { forwarder, folders }: Pick<HostLinkOptions, 'forwarder' | 'folders'>,
): Promise<HostLinkReply> {
  try {
    if (request.type === 'routes') {
      return { id: request.id, ok: true, forwards: [], subnets: await hostSubnets() }
    }
    if (request.type === 'path') {
      return { id: request.id, ok: true, forwards: [], exists: await pathExists(request.path) }
    }
    if (request.type === 'folders') {
      await folders()
      return { id: request.id, ok: true, forwards: [] }
    }
    return { id: request.id, ok: true, forwards: await perform(request, forwarder) }
  } catch (error) {
    const { hint, details } = error instanceof EngineError ? error : {}
    return {
      id: request.id,
      ok: false,
      kind: kindOf(error),
      message: messageOf(error),
      ...(hint === undefined ? {} : { hint }),
      ...(details === undefined ? {} : { details: { ...details } }),
    }
  }
}

async function perform(
  request: Exclude<HostLinkRequest, { type: 'routes' | 'path' | 'folders' }>,
  forwarder: Forwarder,
): Promise<Forward[]> {
  switch (request.type) {
    case 'expose':
      return await forwarder.expose(request, request.forwards)
    case 'unexpose':
      await forwarder.unexpose(request, request.forwards)
      return []
    case 'sync':
      return await forwarder.sync(request.forwards)
  }
}
