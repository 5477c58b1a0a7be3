import { expect, test } from 'vitest'
import { EngineError } from '../../api/errors.ts'
import { bindingsOf, parsePortKey, portMap, wantedPorts } from './port-spec.ts'

/** The same sequence on every run (mulberry32). */
function randomly(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
const random = randomly(20260101)
const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
const PIECES = [
  '0',
  '1',
  '80',
  '8080',
  '65535',
  '65536',
  '99999',
  '-',
  '-',
  '/',
  'tcp',
  'udp',
  'sctp',
  'icmp',
  ':',
  ' ',
  '+',
  '.',
  'x',
  '',
]
const text = () => Array.from({ length: Math.floor(random() * 5) }, () => pick(PIECES)).join('')
const attempt = <T>(action: () => T): T | EngineError => {
  try {
    return action()
  } catch (error) {
    if (error instanceof EngineError) return error
    throw error
  }
}

test('any key and any host port is ports in range, or refused by the text that is wrong', () => {
  let [good, bad] = [0, 0]
  for (let i = 0; i < 20_000; i++) {
    const [key, hostPort] = [random() < 0.5 ? pick(['80/tcp', '53/udp', '7']) : text(), text()]
    const result = attempt(() =>
      wantedPorts({}, { PortBindings: { [key]: [{ HostIp: '', HostPort: hostPort }] } }),
    )
    if (result instanceof EngineError) {
      bad++
      expect(result.kind).toBe('invalid_argument')
      expect(result.message).toMatch(/^invalid (port specification: ".*"|proto: [a-z]+)/)
      continue
    }
    good++
    const [port] = result
    expect(port?.containerPort).toBeGreaterThanOrEqual(1)
    expect(port?.containerPort).toBeLessThanOrEqual(65_535)
    expect(port?.hostPort).toBeGreaterThanOrEqual(0)
    expect(port?.hostPortEnd ?? port?.hostPort).toBeLessThanOrEqual(65_535)
    expect(port?.hostPortEnd ?? 65_536).toBeGreaterThan(port?.hostPort ?? 0)
    expect(['tcp', 'udp']).toContain(port?.protocol)
  }
  expect(Math.min(good, bad)).toBeGreaterThan(500)
})

test('what is kept for the next start asks for the same ports', () => {
  for (let i = 0; i < 2_000; i++) {
    const ports = Array.from({ length: Math.floor(random() * 6) }, () => ({
      containerPort: 1 + Math.floor(random() * 65_535),
      protocol: pick(['tcp', 'udp'] as const),
      hostIp: pick(['', '127.0.0.1', '0.0.0.0', '::1', '::']),
      hostPort: random() < 0.3 ? 0 : Math.floor(random() * 65_536),
    }))
    const again = wantedPorts({}, { PortBindings: bindingsOf(ports) })
    const order = (list: typeof ports) => list.map((port) => JSON.stringify(port)).sort()
    expect(order(again)).toEqual(order(ports))
    for (const key of Object.keys(portMap({}, ports))) expect(() => parsePortKey(key)).not.toThrow()
  }
})
