/**
 * Published ports against QEMU's own forward and against SSH channels of the same machine, pair by pair in one run:
 * on a machine that others use too only the ratios mean something.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  datagramTrips,
  rate,
  rawForwards,
  roundTrips,
  sizeOf,
  sshForwards,
  type Way,
} from './bench-traffic.ts'
import { pushNetTools } from './fixtures/net-image.ts'
import { freePort, type Registry } from './fixtures/registry.ts'
import { makeSlipway, type Slipway, startSlipway } from './fixtures/slipway.ts'
import { type Figure, figure } from './measure.ts'

const STREAMS = [1, 32]
/** A gigabyte, moved once. */
const WHOLE_MIB = 1024
/** SSH is slow enough to be measured with less. */
const SSH_SHARE = 4
/** USER_HZ, which is 100 wherever Node runs on Linux. */
const TICK_MS = 10

interface Ports extends Way {
  datagrams: number
}

/** `mib` in each measurement, `times` of them in each model; nginx serves, socat answers. */
export async function portFigures(registry: Registry, times = 3, mib = 24): Promise<Figure[]> {
  await pushNetTools(registry.url)
  await using slipway = await makeSlipway({ registry })
  await startSlipway(slipway)
  const ports = await startServers(slipway, mib)
  using ssh = await sshForwards(slipway.home, {
    source: await addressOf(slipway, 'source'),
    echo: await addressOf(slipway, 'echo'),
  })
  const figures: Figure[] = []
  for (const model of ['direct', 'double'] as const) {
    await switchModel(slipway, model)
    figures.push(...(await modelFigures(slipway, model, ports, ssh, times, mib)))
  }
  const before = await cpuOf(slipway)
  const whole = await rate(ports.source, 1, WHOLE_MIB)
  const spent = (await cpuOf(slipway)) - before
  return [
    ...figures,
    figure('1 GiB through a published port', 'MB/s', [whole]),
    figure("the app's CPU time for each 100 MiB of it", 'ms', [(spent / WHOLE_MIB) * 100]),
  ]
}

async function startServers(slipway: Slipway, mib: number): Promise<Ports> {
  const [source, echo, datagrams] = [await freePort(), await freePort(), await freePort()]
  await ok(slipway, 'run', '-d', '--name', 'source', '-p', `127.0.0.1:${source}:80`, 'nginx')
  const publish = ['-p', `127.0.0.1:${echo}:7`, '-p', `127.0.0.1:${datagrams}:7/udp`]
  const servers = 'socat UDP-LISTEN:7,fork,reuseaddr PIPE & exec socat TCP-LISTEN:7,fork,reuseaddr PIPE'
  await ok(slipway, 'run', '-d', '--name', 'echo', ...publish, 'nettools', 'sh', '-c', servers)
  const sizes = [mib, mib / SSH_SHARE].flatMap((size) => STREAMS.map((streams) => sizeOf(size, streams)))
  const files = [...sizes, sizeOf(WHOLE_MIB, 1)].map(
    (size) => `truncate -s ${size} /usr/share/nginx/html/${size}`,
  )
  await ok(slipway, 'exec', 'source', 'sh', '-c', files.join(';'))
  await until(() => rate(source, 1, mib / SSH_SHARE).then(() => true))
  return { source, echo, datagrams }
}

async function modelFigures(
  slipway: Slipway,
  model: string,
  ports: Ports,
  ssh: Way,
  times: number,
  mib: number,
): Promise<Figure[]> {
  const { pid } = JSON.parse((await slipway.slipway('status', '--json')).stdout)
  const raw = await rawForwards(pid)
  const figures: Figure[] = []
  for (const streams of STREAMS) {
    const samples = { ours: [] as number[], raw: [] as number[], ssh: [] as number[], share: [] as number[] }
    for (let i = 0; i < times; i++) {
      const ours = await rate(ports.source, streams, mib)
      const yardstick = await rate(raw.source, streams, mib)
      samples.ours.push(ours)
      samples.raw.push(yardstick)
      samples.share.push((ours / yardstick) * 100)
      if (model === 'direct') samples.ssh.push(await rate(ssh.source, streams, mib / SSH_SHARE))
    }
    const name = `${model}: ${streams} stream(s)`
    figures.push(
      figure(name, 'MB/s', samples.ours),
      figure(`${name}, QEMU's forward`, 'MB/s', samples.raw),
      figure(`${name}, share of QEMU's`, '%', samples.share),
      ...(samples.ssh.length > 0 ? [figure(`${name}, SSH channel`, 'MB/s', samples.ssh)] : []),
    )
  }
  const datagrams = await datagramTrips(ports.datagrams)
  return [
    ...figures,
    figure(`${model}: round trip`, 'ms', await roundTrips(ports.echo)),
    figure(`${model}: round trip, QEMU's forward`, 'ms', await roundTrips(raw.echo)),
    ...(model === 'direct'
      ? [figure(`${model}: round trip, SSH channel`, 'ms', await roundTrips(ssh.echo))]
      : []),
    figure(`${model}: round trip of a datagram`, 'ms', datagrams.samples),
    figure(`${model}: datagrams that came back`, '%', [datagrams.returned]),
  ]
}

async function switchModel(slipway: Slipway, model: 'direct' | 'double'): Promise<void> {
  await slipway.slipway('config', 'set', 'portModel', model)
  await until(async () => {
    const { stdout } = await slipway.slipway('port', 'ls', 'source')
    return stdout.includes(' vm ') === (model === 'double')
  })
}

async function addressOf(slipway: Slipway, container: string): Promise<string> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  return (await ok(slipway, 'inspect', '-f', format, container)).trim()
}

/** Milliseconds of CPU that the app has used (Linux). */
async function cpuOf(slipway: Slipway): Promise<number> {
  const log = await readFile(join(slipway.home, 'app.log'), 'utf8')
  const pid = [...log.matchAll(/ owns .*"pid":(\d+)/g)].at(-1)?.[1]
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

async function ok(slipway: Slipway, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await slipway.docker(...args)
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`)
  return stdout
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await condition().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('the machine did not come to the state to be measured')
}
