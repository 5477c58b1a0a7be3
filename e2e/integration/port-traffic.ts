import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import { connect, type Socket } from 'node:net'

/** A TCP connection to a published port. */
export async function open(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true, noDelay: true })
  await once(socket, 'connect')
  // One that breaks while nobody reads from it is told to the next reader.
  socket.on('error', () => undefined)
  return socket
}

/** Says something on an open connection and waits for as many bytes of answer. */
export async function echo(socket: Socket, text: string): Promise<string> {
  let answer = ''
  socket.write(text)
  while (answer.length < text.length) {
    const chunk = socket.read() as Buffer | null
    if (chunk) answer += chunk.toString()
    else await Promise.race([once(socket, 'readable'), ended(socket)])
  }
  return answer
}

async function ended(socket: Socket): Promise<never> {
  if (socket.errored) throw socket.errored
  if (!socket.readableEnded && !socket.destroyed) await once(socket, 'end')
  throw new Error('the connection ended')
}

/** Sends all, ends its side, and collects what comes until the other side ends too. */
export async function exchange(port: number, data: string, host?: string): Promise<string> {
  const socket = await open(port, host)
  socket.end(data)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}

/** One datagram there and back; sent again when lost, as UDP may be. */
export async function datagram(port: number, text: string, host = '127.0.0.1'): Promise<string> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      socket.send(text, port, host)
      const answer = await Promise.race([
        once(socket, 'message').then(([data]) => String(data)),
        new Promise<undefined>((resolve) => setTimeout(resolve, 8_000)),
      ])
      if (answer !== undefined) return answer
    }
    throw new Error(`no datagram came back from ${host}:${port}`)
  } finally {
    socket.close()
  }
}

/** `GET path` over a connection that stays open; the status line. */
export async function keepAlive(socket: Socket, path = '/'): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`)
  let head = ''
  for (;;) {
    const chunk = socket.read() as Buffer | null
    if (chunk) head += chunk.toString('latin1')
    const length = /content-length: (\d+)/i.exec(head)?.[1]
    const at = head.indexOf('\r\n\r\n')
    if (at > 0 && head.length >= at + 4 + Number(length)) return head.slice(0, head.indexOf('\r\n'))
    if (!chunk) await Promise.race([once(socket, 'readable'), ended(socket)])
  }
}

/** Downloads a page whole and answers its size and SHA-256. */
export async function download(port: number, path: string): Promise<{ size: number; sha256: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of response.body ?? []) {
    hash.update(chunk)
    size += chunk.length
  }
  return { size, sha256: hash.digest('hex') }
}

/** Sends `times` × `block`, then ends; the answer. */
export async function upload(port: number, block: Buffer, times: number): Promise<string> {
  const socket = await open(port)
  for (let i = 0; i < times; i++) if (!socket.write(block)) await once(socket, 'drain')
  socket.end()
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}

/** A request to the engine's own API over the docker socket. */
export async function engine(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const headers = text === undefined ? {} : { 'Content-Type': 'application/json' }
  const outgoing: ClientRequest = request({ socketPath, method, path, headers }).end(text)
  const [response] = await once(outgoing, 'response')
  let answer = ''
  for await (const chunk of response) answer += chunk
  return { status: response.statusCode, body: answer === '' ? undefined : JSON.parse(answer) }
}
