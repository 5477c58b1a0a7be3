/** Traffic for the benchmark of published ports: downloads, round trips, and the other ways into the same machine. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { Client } from 'ssh2'

const MIB = 1 << 20
const PINGS = 150
/** A datagram that has not come back by then is lost. */
const LOST_MS = 2_000
/** A connection that says nothing for so long hangs: it is an error, not a figure. */
const SILENT_MS = 20_000

/** One way to the two containers: the port that nginx answers on, and the one that echoes. */
export interface Way {
  source: number
  echo: number
}

/** Megabytes per second of `streams` downloads of `mib` in all. */
export async function rate(port: number, streams: number, mib: number): Promise<number> {
  const each = sizeOf(mib, streams)
  const started = performance.now()
  await Promise.all(Array.from({ length: streams }, () => fetchBytes(port, each)))
  return (each * streams) / 1e6 / ((performance.now() - started) / 1000)
}

/** Size of each file when `streams` share `mib`; nginx serves one of that name. */
export function sizeOf(mib: number, streams: number): number {
  return Math.floor((mib * MIB) / streams)
}

/** Downloads the file of that size. A burst can be reset in QEMU itself (its backlog is one): then again. */
async function fetchBytes(port: number, bytes: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchOnce(port, bytes)
    } catch (error) {
      process.stderr.write(`port ${port}, attempt ${attempt}: ${error}\n`)
      if (attempt === 5) throw error
    }
  }
}

async function fetchOnce(port: number, bytes: number): Promise<void> {
  const socket = await open(port)
  socket.write(`GET /${bytes} HTTP/1.0\r\n\r\n`)
  let size = 0
  let head: number | undefined
  for await (const chunk of socket) {
    head ??= (chunk as Buffer).indexOf('\r\n\r\n') + 4
    size += chunk.length
  }
  if (size - (head ?? 0) !== bytes) throw new Error(`${size} bytes of ${bytes} came`)
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.setTimeout(SILENT_MS, () => socket.destroy(new Error(`port ${port} hangs`)))
  await once(socket, 'connect')
  return socket
}

/** Milliseconds of single bytes there and back on one connection. */
export async function roundTrips(port: number): Promise<number[]> {
  const socket = await open(port)
  const samples: number[] = []
  for (let i = 0; i < PINGS; i++) {
    const started = performance.now()
    socket.write('x')
    await once(socket, 'data')
    samples.push(performance.now() - started)
  }
  socket.destroy()
  return samples
}

/** The same with datagrams; the share that came back in per cent. */
export async function datagramTrips(port: number): Promise<{ samples: number[]; returned: number }> {
  const socket = createSocket('udp4')
  const samples: number[] = []
  for (let i = 0; i < PINGS; i++) {
    const started = performance.now()
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(LOST_MS) })
    socket.send(`x${i}`, port, '127.0.0.1')
    // Lost ones show in the share.
    const came = await answer.then(
      () => true,
      () => false,
    )
    if (came) samples.push(performance.now() - started)
  }
  socket.close()
  return { samples, returned: (samples.length / PINGS) * 100 }
}

/** Loopback ports that QEMU itself listens on (Linux): told apart by what answers. */
export async function rawForwards(qemu: number): Promise<Way> {
  const found: Partial<Way> = {}
  for (const port of await listeningPorts(qemu)) {
    const kind = await kindOf(port)
    if (kind) found[kind] = port
  }
  if (!found.source || !found.echo) throw new Error('QEMU has no forwards to compare with')
  return { source: found.source, echo: found.echo }
}

async function listeningPorts(pid: number): Promise<number[]> {
  const links = (await readdir(`/proc/${pid}/fd`)).map((fd) =>
    readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''),
  )
  const inodes = new Set(
    (await Promise.all(links)).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []),
  )
  const table = (await readFile(`/proc/${pid}/net/tcp`, 'utf8'))
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  return table.flatMap(([, local = '', , state, , , , , , inode = '']) =>
    state === '0A' && inodes.has(inode) ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [],
  )
}

/** The echo answers with what it is told, nginx with a status line, sshd with its version. */
async function kindOf(port: number): Promise<keyof Way | undefined> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  socket.write('GET / HTTP/1.0\r\n\r\n')
  // One that is just being taken away says nothing any more.
  const [data] = await once(socket, 'data', { signal: AbortSignal.timeout(LOST_MS) }).catch(() => [''])
  socket.destroy()
  if (String(data).startsWith('HTTP/')) return 'source'
  return String(data).startsWith('GET /') ? 'echo' : undefined
}

/** The way that was not taken: channels of one SSH connection, as the app would open them. */
export async function sshForwards(
  home: string,
  targets: { source: string; echo: string },
): Promise<Way & Disposable> {
  const { vm } = JSON.parse(await readFile(join(home, 'machine.json'), 'utf8'))
  const client = new Client()
  const privateKey = await readFile(join(home, 'keys', 'id_ed25519'))
  client.connect({ host: '127.0.0.1', port: vm.sshPort, username: 'root', privateKey })
  await once(client, 'ready')
  client.setNoDelay(true)
  const servers = [listen(client, targets.source, 80), listen(client, targets.echo, 7)]
  const [source = 0, echo = 0] = await Promise.all(servers.map(({ port }) => port))
  return {
    source,
    echo,
    [Symbol.dispose]() {
      for (const { server } of servers) server.close()
      client.end()
    },
  }
}

function listen(client: Client, host: string, port: number) {
  const server = createServer({ noDelay: true }, (socket) => {
    client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
      if (error) return void socket.destroy()
      socket.on('error', () => channel.destroy())
      channel.on('error', () => socket.destroy())
      return void socket.pipe(channel).pipe(socket)
    })
  }).listen(0, '127.0.0.1')
  const bound = once(server, 'listening').then(() => {
    const address = server.address()
    return typeof address === 'object' && address ? address.port : 0
  })
  return { server, port: bound }
}
