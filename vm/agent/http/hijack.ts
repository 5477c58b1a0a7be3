/**
 * Taking a connection over for attach, exec and other raw streams
 * (https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerAttach).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex, type Readable } from 'node:stream'

/** The connection of a request that asked to upgrade: its body is apart, `stream` starts after it. */
export interface Upgrade {
  readonly stream: Duplex
  /** Bytes that came with the headers and belong to the stream. */
  readonly head: Buffer
}

/** Answers 101 and hands out the raw connection. */
export function hijackUpgrade(upgrade: Upgrade, contentType: string, protocol: string): Duplex {
  const { stream, head } = upgrade
  stream.write(
    `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
  )
  if (head.length > 0) stream.unshift(head)
  closeWithClient(stream)
  return stream
}

/** How often a client that has said everything is asked whether it still listens, in milliseconds. */
const PROBE = 5000
const NOTHING = Buffer.alloc(0)

/**
 * After a client's EOF its going away is no event: both look alike to who reads. To write nothing fails once it is
 * gone, so that a stream which never says anything does not keep the connection for ever.
 */
function closeWithClient(stream: Duplex): void {
  stream.once('end', () => {
    const timer = setInterval(() => {
      if (!stream.writableEnded) stream.write(NOTHING)
    }, PROBE)
    timer.unref()
    stream.once('close', () => clearInterval(timer))
  })
}

/**
 * Clients that did not ask to upgrade: a 200 whose body lasts until the stream ends. Their stdin, if any, is the rest
 * of the request's body.
 */
export function hijackResponse(
  request: IncomingMessage,
  response: ServerResponse,
  contentType: string,
): Duplex {
  response.useChunkedEncodingByDefault = false
  response.shouldKeepAlive = false
  response.writeHead(200, { 'Content-Type': contentType, Connection: 'close' })
  response.flushHeaders()
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => void request.resume(),
    write: (chunk, _encoding, done) => void response.write(chunk, () => done()),
    final: (done) => void response.end(() => done()),
    destroy: (error, done) => {
      response.destroy()
      done(error)
    },
  })
  request.on('data', (chunk) => {
    if (!stream.push(chunk)) request.pause()
  })
  if (request.readableEnded) stream.push(null)
  else request.on('end', () => stream.push(null))
  response.on('close', () => stream.destroy())
  return stream
}

/**
 * Splits what follows the headers into the request's body and the raw stream, where node:http has not done so itself
 * (it parses bodies of upgrades from Node 24.10 on; before that the body is in front of the raw bytes).
 */
export async function splitUpgradeBody(
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
): Promise<{ body: Readable; upgrade: Upgrade }> {
  const length = Number(request.headers['content-length'] ?? 0)
  if (PARSES_BODIES || length === 0) return { body: request, upgrade: { stream, head } }
  const { Readable } = await import('node:stream')
  let bytes = head
  while (bytes.length < length) {
    const more = await readSome(stream)
    if (more === undefined) break
    bytes = Buffer.concat([bytes, more])
  }
  return {
    body: Readable.from([bytes.subarray(0, length)]),
    upgrade: { stream, head: bytes.subarray(length) },
  }
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const PARSES_BODIES = major > 24 || (major === 24 && minor >= 10)

function readSome(stream: Duplex): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const done = (chunk: Buffer | undefined) => {
      stream.off('readable', onReadable).off('end', onEnd).off('error', reject)
      resolve(chunk)
    }
    const onReadable = () => {
      const chunk = stream.read() as Buffer | null
      if (chunk) done(chunk)
    }
    const onEnd = () => done(undefined)
    stream.on('readable', onReadable).on('end', onEnd).on('error', reject)
  })
}
