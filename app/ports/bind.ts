/** Binding one published port: all its addresses on one number, or a failure that says why and what is free. */
import { createConnection } from 'node:net'
import { Disposal } from '../../vm/api/disposal.ts'
import { EngineError } from '../../vm/api/errors.ts'
import type { Forward, Protocol } from '../../vm/api/slipway.ts'
import { type Saying, saidError } from '../sayings.ts'
import { addressesOf, hostPort, isAddress, isLoopback } from './address.ts'
import type { OpenRelay } from './datagram-relay.ts'
import { findHolder, holderText } from './holder.ts'
import { type Connect, type Listener, listenTcp } from './tcp-listener.ts'
import { listenUdp } from './udp-listener.ts'

/** Ephemeral numbers must be free on every address: with two, a few tries are plenty. */
const EPHEMERAL_TRIES = 20
const PROBE_MS = 500
const PROPOSAL_TRIES = 200

export interface BoundAddress {
  address: string
  listener: Listener
}

export interface Bound {
  port: number
  addresses: BoundAddress[]
}

/** Where the bytes of a listener go; asked anew for each connection. */
export interface Target {
  connect: Connect
  relay: OpenRelay
  onFailure: (error: unknown) => void
}

/** Listens for `forward`; `target` is made per address. Errors: conflict (taken), permission_denied (low port), invalid_argument. */
export async function bindForward(forward: Forward, target: Target): Promise<Bound> {
  const { hostPortEnd: last = forward.hostPort } = forward
  // The range 0-80 begins with the first number there is; 0 alone is any.
  const first = forward.hostPort === 0 && last > 0 ? 1 : forward.hostPort
  for (const address of addressesOf(forward.hostIp)) {
    if (!isAddress(address)) throw new EngineError('invalid_argument', `invalid IP address: ${address}`)
  }
  const tries = first === 0 ? EPHEMERAL_TRIES : last - first + 1
  let failure: unknown
  for (let i = 0; i < tries; i++) {
    try {
      return await bindAll(forward, first === 0 ? 0 : first + i, target)
    } catch (error) {
      failure = error
      if (codeOf(error) !== 'EADDRINUSE') break
    }
  }
  throw await explained(forward, failure)
}

async function bindAll(forward: Forward, port: number, target: Target): Promise<Bound> {
  await using undo = new Disposal()
  const addresses: BoundAddress[] = []
  let number = port
  for (const address of addressesOf(forward.hostIp)) {
    let listener: Listener
    try {
      listener = undo.use(await bindOne(forward.protocol, address, number, target))
    } catch (error) {
      // A host without IPv6 is reached over IPv4 alone.
      if (address === '::1' && forward.hostIp === '' && isMissingFamily(error)) continue
      throw error
    }
    number = listener.port
    addresses.push({ address, listener })
  }
  undo.release()
  return { port: number, addresses }
}

async function bindOne(protocol: Protocol, address: string, port: number, target: Target): Promise<Listener> {
  if (protocol === 'udp') return await listenUdp({ address, port, ...target })
  if (port !== 0 && process.platform !== 'linux' && (await answers(address, port))) {
    // Only Linux refuses an address whose port someone else holds on the wildcard.
    throw Object.assign(new Error('address in use'), { code: 'EADDRINUSE' })
  }
  try {
    return await listenTcp({ address, port, ...target })
  } catch (error) {
    if (codeOf(error) !== 'EACCES' || process.platform !== 'darwin' || !isLoopback(address)) throw error
    // macOS lets anyone bind low ports, but on wildcard addresses only.
    const wildcard = address.includes(':') ? '::' : '0.0.0.0'
    return await listenTcp({ address: wildcard, port, loopbackOnly: true, ...target })
  }
}

function answers(address: string, port: number): Promise<boolean> {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: PROBE_MS })
    const finish = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => finish(true))
    socket.once('timeout', () => finish(false))
    socket.once('error', () => finish(false))
  })
}

/** The failure in Docker's words, with the holder and a free port where the number is taken. */
async function explained(forward: Forward, error: unknown): Promise<EngineError> {
  const { hostIp, hostPort: port, protocol } = forward
  const subject = `Bind for ${hostPort(hostIp, port)} failed`
  const code = codeOf(error)
  if (code === 'EADDRINUSE') {
    const holder = await findHolder(protocol, port)
    const next = await nextFreePort(forward)
    return portTaken(forward, holder && holderText(holder), next)
  }
  if (code === 'EACCES') {
    return saidError('permission_denied', `${subject}: permission denied`, {
      cause: error,
      hint: lowPortHint(port),
      details: { port, protocol },
    })
  }
  if (code === 'EADDRNOTAVAIL') {
    return saidError('invalid_argument', `${subject}: cannot assign requested address`, {
      cause: error,
      hint: { code: 'port_address', values: { address: hostIp } },
    })
  }
  return new EngineError('internal', `${subject}: ${error instanceof Error ? error.message : error}`, {
    cause: error,
  })
}

/** Docker's text, and what Docker does not say: who has the port and which one is free. */
export function portTaken(
  forward: Forward,
  holder: string | undefined,
  next: number | undefined,
): EngineError {
  const { hostIp, hostPort: port, protocol } = forward
  const facts = [
    ...(holder === undefined ? [] : [`held by ${holder}`]),
    ...(next === undefined ? [] : [`port ${next} is free`]),
  ]
  const more = facts.length > 0 ? ` (${facts.join('; ')})` : ''
  return saidError(
    'conflict',
    `Bind for ${hostPort(hostIp, port)} failed: port is already allocated${more}`,
    {
      hint:
        next === undefined
          ? undefined
          : { code: 'port_taken', values: { next, port: forward.containerPort } },
      details: { port, protocol, ...(holder ? { holder } : {}), ...(next ? { next } : {}) },
    },
  )
}

/** The first port above that could be bound now; undefined when there is none near. */
export async function nextFreePort(forward: Forward): Promise<number | undefined> {
  const nowhere: Target = {
    connect: () => Promise.reject(new Error('probe')),
    relay: () => Promise.reject(new Error('probe')),
    onFailure: () => undefined,
  }
  const start = forward.hostPort < 1024 ? Math.max(forward.hostPort + 1, 8000) : forward.hostPort + 1
  for (let port = start; port < Math.min(start + PROPOSAL_TRIES, 65536); port++) {
    try {
      const bound = await bindAll({ ...forward, hostPort: port }, port, nowhere)
      for (const { listener } of bound.addresses) await listener[Symbol.asyncDispose]()
      return port
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE' && codeOf(error) !== 'EACCES') return undefined
    }
  }
  return undefined
}

function lowPortHint(port: number): Saying {
  const other = port < 1024 ? 8000 + (port % 1000) : port + 1
  if (process.platform === 'linux') {
    return { code: 'port_privileged', values: { port, other } }
  }
  return { code: 'port_reserved', values: { other } }
}

function isMissingFamily(error: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ENETUNREACH'].includes(codeOf(error) ?? '')
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
}
