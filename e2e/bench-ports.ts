/** Published ports against QEMU's own forward of the same machine, pair by pair in one run. */
import { once } from 'node:events'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'
import { pushNetTools } from './fixtures/net-image.ts'
import { freePort, type Registry } from './fixtures/registry.ts'
import { makeSlipway, type Slipway, startSlipway } from './fixtures/slipway.ts'
import { type Figure, figure } from './measure.ts'

const MIB = 1 << 20
const PINGS = 200
const STREAMS = [1, 32]
const GIB = 1 << 30

/** `mib` in each measurement of each model, a gigabyte once at the end; nginx serves, socat answers. */
export async function portFigures(registry: Registry, times: number, mib = 32): Promise<Figure[]> {
  await pushNetTools(registry.url)
  await using slipway = await makeSlipway({ registry })
  await startSlipway(slipway)
  const docker = async (...args: string[]) => {
    const { code, stderr } = await slipway.docker(...args)
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`)
  }
  const [port, echoPort] = [await freePort(), await freePort()]
  await docker('run', '-d', '--name', 'source', '-p', `127.0.0.1:${port}:80`, 'nginx')
  const echo = ['socat', 'TCP-LISTEN:7,fork,reuseaddr', 'PIPE']
  await docker('run', '-d', '--name', 'echo', '-p', `127.0.0.1:${echoPort}:7`, 'nettools', ...echo)
  const sizes = [...STREAMS.map((streams) => sizeOf(mib, streams)), GIB]
  const files = sizes.map((size) => `truncate -s ${size} /usr/share/nginx/html/${size}`)
  await docker('exec', 'source', 'sh', '-c', files.join(';'))
  await until(() => fetchBytes(port, sizes[1] ?? 0).then(() => true))
  const figures: Figure[] = []
  for (const model of ['direct', 'double'] as const) {
    await slipway.slipway('config', 'set', 'portModel', model)
    await until(
      async () =>
        (await slipway.slipway('port', 'ls', 'source')).stdout.includes('vm') === (model === 'double'),
    )
    figures.push(...(await modelFigures(slipway, model, { port, echoPort }, times, mib)))
  }
  const whole = await rate(port, 1, GIB / MIB)
  return [...figures, figure('1 GiB through a published port', 'MB/s', [whole])]
}

async function modelFigures(
  slipway: Slipway,
  model: string,
  { port, echoPort }: { port: number; echoPort: number },
  times: number,
  mib: number,
): Promise<Figure[]> {
  const raw = await rawForwards(slipway)
  const figures: Figure[] = []
  for (const streams of STREAMS) {
    const [ours, theirs, share]: [number[], number[], number[]] = [[], [], []]
    for (let i = 0; i < times; i++) {
      const mine = await rate(port, streams, mib)
      const yardstick = await rate(raw.source, streams, mib)
      process.stderr.write(`${model}, ${streams}: ${mine.toFixed(1)} of ${yardstick.toFixed(1)} MB/s\n`)
      ours.push(mine)
      theirs.push(yardstick)
      share.push((mine / yardstick) * 100)
    }
    figures.push(
      figure(`${model}: ${streams} stream(s)`, 'MB/s', ours),
      figure(`${model}: ${streams} stream(s), QEMU's forward`, 'MB/s', theirs),
      figure(`${model}: ${streams} stream(s), share of QEMU's`, '%', share),
    )
  }
  const [mine, yardstick] = [await latencies(echoPort), await latencies(raw.echo)]
  return [
    ...figures,
    figure(`${model}: round trip`, 'ms', mine),
    figure(`${model}: round trip, QEMU's forward`, 'ms', yardstick),
  ]
}

/** Megabytes per second of `streams` downloads of `mib` in all. */
async function rate(port: number, streams: number, mib: number): Promise<number> {
  const each = sizeOf(mib, streams)
  const started = performance.now()
  await Promise.all(Array.from({ length: streams }, () => fetchBytes(port, each)))
  return (each * streams) / 1e6 / ((performance.now() - started) / 1000)
}

function sizeOf(mib: number, streams: number): number {
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
  const socket = connect({ port, host: '127.0.0.1' })
  socket.write(`GET /${bytes} HTTP/1.0\r\n\r\n`)
  let size = 0
  let head: number | undefined
  for await (const chunk of socket) {
    head ??= (chunk as Buffer).indexOf('\r\n\r\n') + 4
    size += chunk.length
  }
  if (size - (head ?? 0) !== bytes) throw new Error(`${size} bytes of ${bytes} came through port ${port}`)
}

async function latencies(port: number): Promise<number[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
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

/** Loopback ports that QEMU itself listens on (Linux): told apart by what answers. */
async function rawForwards(slipway: Slipway): Promise<{ source: number; echo: number }> {
  const { pid } = JSON.parse((await slipway.slipway('status', '--json')).stdout)
  const found: { source?: number; echo?: number } = {}
  for (const port of await listeningPorts(pid)) {
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
async function kindOf(port: number): Promise<'source' | 'echo' | undefined> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.write('GET / HTTP/1.0\r\n\r\n')
  const [data] = await once(socket, 'data')
  socket.destroy()
  if (String(data).startsWith('HTTP/')) return 'source'
  return String(data).startsWith('GET /') ? 'echo' : undefined
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await condition().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('the machine did not come to the state to be measured')
}
