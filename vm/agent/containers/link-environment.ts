/** What a container knows of another that it is linked to, as environment variables. Pure. Follows dockerd's daemon/links. */

/** Made by Docker itself, and about the other container's own process. */
const NOT_PASSED_ON = new Set(['HOME', 'PATH'])

export interface Link {
  /** Address of the linked container. */
  readonly address: string
  /** `/own/alias`. */
  readonly name: string
  /** Exposed ports: `6379/tcp`. */
  readonly ports: readonly string[]
  /** `NAME=value` of the linked container. */
  readonly env: readonly string[]
}

interface Port {
  readonly number: number
  readonly protocol: string
}

/** `DB_PORT=tcp://…`, `DB_PORT_6379_TCP_ADDR=…`, `DB_NAME=/web/db`, `DB_ENV_X=…`; runs of ports with start and end. */
export function linkEnvironment({ address, name, ports, env }: Link): string[] {
  const alias = name
    .slice(name.lastIndexOf('/') + 1)
    .toUpperCase()
    .replaceAll('-', '_')
  const sorted = ports.map(parsePort).sort(tcpFirst)
  const [first] = sorted
  const prefix = ({ number, protocol }: Port) => `${alias}_PORT_${number}_${protocol.toUpperCase()}`
  const url = ({ number, protocol }: Port) => `${protocol}://${address}:${number}`
  return [
    ...(first ? [`${alias}_PORT=${url(first)}`] : []),
    ...sorted.flatMap((port) => [
      `${prefix(port)}=${url(port)}`,
      `${prefix(port)}_ADDR=${address}`,
      `${prefix(port)}_PORT=${port.number}`,
      `${prefix(port)}_PROTO=${port.protocol}`,
    ]),
    ...runsOf(sorted).flatMap(([start, end]) => [
      `${prefix(start)}_START=${url(start)}`,
      `${prefix(start)}_PORT_START=${start.number}`,
      `${prefix(start)}_END=${url(end)}`,
      `${prefix(start)}_PORT_END=${end.number}`,
    ]),
    `${alias}_NAME=${name}`,
    ...env
      .filter((entry) => entry.includes('=') && !NOT_PASSED_ON.has(entry.slice(0, entry.indexOf('='))))
      .map((entry) => `${alias}_ENV_${entry}`),
  ]
}

function parsePort(text: string): Port {
  const [number = '', protocol = 'tcp'] = text.split('/')
  return { number: Number(number), protocol }
}

function tcpFirst(a: Port, b: Port): number {
  if (a.protocol === b.protocol) return a.number - b.number
  return a.protocol === 'tcp' ? -1 : 1
}

/** First and last port of each run of consecutive ones of a protocol. */
function runsOf(ports: readonly Port[]): [Port, Port][] {
  const runs: [Port, Port][] = []
  for (const port of ports) {
    const last = runs.at(-1)
    if (last && last[1].protocol === port.protocol && last[1].number + 1 === port.number) last[1] = port
    else runs.push([port, port])
  }
  return runs.filter(([start, end]) => start !== end)
}
