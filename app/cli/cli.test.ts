import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseSetting } from './config-command.ts'
import { COMMANDS, main } from './main.ts'
import { describeState, type Output } from './output.ts'
import { parsePorts } from './port-spec.ts'

let said: { out: string[]; notes: string[] }
let home: string | undefined
const output = (): Output => ({
  tty: false,
  line: (text) => said.out.push(text),
  note: (text) => said.notes.push(text),
  progress: (text) => said.notes.push(text),
})
const slipway = (...args: string[]): Promise<number> =>
  main(args, { root: '/nowhere', version: '1.2.3', out: output() })
beforeEach(() => {
  said = { out: [], notes: [] }
  home = process.env['SLIPWAY_HOME']
  process.env['SLIPWAY_HOME'] = '/tmp/sw-none'
})
afterEach(() => {
  if (home === undefined) delete process.env['SLIPWAY_HOME']
  else process.env['SLIPWAY_HOME'] = home
})

test('every command explains itself, with nothing running', async () => {
  for (const name of Object.keys(COMMANDS)) {
    expect(await slipway(name, '--help')).toBe(0)
    expect(said.out.at(-1)).toMatch(new RegExp(`^Usage: slipway ${name}\\b`))
  }
  expect(await slipway()).toBe(0)
  for (const name of Object.keys(COMMANDS)) expect(said.out.at(-1)).toContain(`\n  ${name} `)
})

test.each([
  [['nonsense'], 'slipway: no such command: nonsense', 'help'],
  [['start', 'now'], 'slipway start: unexpected now', 'start --help'],
  [['status', '--jsn'], "slipway status: Unknown option '--jsn'", 'status --help'],
  [['port', 'add', 'web'], 'slipway port: ls [CONTAINER], or add or rm', 'port --help'],
  [['port', 'add', 'web', '80:80/sctp'], 'not a port: 80:80/sctp', 'port --help'],
  [['port', 'ls', 'web', '80'], 'slipway port: ls [CONTAINER], or add or rm', 'port --help'],
  [['port'], 'slipway port: something is missing', 'port --help'],
  [['config', 'set', 'cpus', 'x'], 'slipway config: cpus: x is not a whole number', 'config --help'],
  [['config', 'get', 'cpu'], 'slipway config: no such setting: cpu', 'config --help'],
  [['reset'], 'slipway reset: say what', 'reset --help'],
  [['reset', '--settings', '--everything'], 'slipway reset: say what', 'reset --help'],
  [['logs', 'kernel'], 'slipway logs: no such log: kernel', 'logs --help'],
])('%j is not understood: exit code 2, what is wrong, where help is', async (args, message, help) => {
  expect(await slipway(...args)).toBe(2)
  expect(said.notes[0]).toContain(message)
  expect(said.notes[1]).toBe(`See: slipway ${help}`)
})

test('with nothing running, status says so and stop has nothing to do', async () => {
  expect(await slipway('status')).toBe(3)
  expect(said.out[0]).toMatch(/^Engine: +stopped$/)
  said = { out: [], notes: [] }
  expect(await slipway('status', '--json')).toBe(0)
  expect(JSON.parse(said.out[0] ?? '')).toEqual({
    state: 'stopped',
    dockerHost: 'unix:///tmp/sw-none/docker.sock',
  })
  expect(await slipway('stop')).toBe(0)
  expect(await slipway('port', 'ls', 'web')).toBe(1)
  expect(said.notes.at(-1)).toBe('Slipway is not running')
})

test('env and version need nothing', async () => {
  await slipway('env')
  await slipway('--version')
  expect(said.out).toEqual(['export DOCKER_HOST=unix:///tmp/sw-none/docker.sock', 'slipway 1.2.3'])
})

test.each([
  ['8080:80', [['', 8080, 80, 'tcp']]],
  ['80', [['', 0, 80, 'tcp']]],
  ['0:80', [['', 0, 80, 'tcp']]],
  ['127.0.0.1::80', [['127.0.0.1', 0, 80, 'tcp']]],
  ['0.0.0.0:53:53/udp', [['0.0.0.0', 53, 53, 'udp']]],
  ['[::1]:8080:80/tcp', [['::1', 8080, 80, 'tcp']]],
  [
    '90-91:80-81',
    [
      ['', 90, 80, 'tcp'],
      ['', 91, 81, 'tcp'],
    ],
  ],
])('port %s', (spec, expected) => {
  const ports = parsePorts(spec).map(({ hostIp, hostPort, containerPort, protocol }) => {
    return [hostIp, hostPort, containerPort, protocol]
  })
  expect(ports).toEqual(expected)
})

test.each([
  ['8080:', 'use [[IP:][HOST]:]PORT'],
  ['70000:80', '70000 is out of range'],
  ['8080:0', '0 is out of range'],
  ['8080:80/sctp', 'use'],
  ['a:80', 'use'],
  ['8080:80:80:80', 'use'],
  ['1.2.3:80:80', '1.2.3 is not an IP address'],
  ['[::g]:80:80', '::g is not an IP address'],
  ['90-92:80-81', 'both ranges must be of one length'],
  ['92-90:80-82', '92-90 ends before it begins'],
  ['', 'use'],
])('port %j is refused with the spec in the message, and why', (spec, why) => {
  expect(() => parsePorts(spec)).toThrow(`not a port: ${spec}: ${why}`)
})

test('settings are read as their own type', () => {
  expect(parseSetting('cpus', '3')).toEqual({ cpus: 3 })
  expect(parseSetting('startAtLogin', 'true')).toEqual({ startAtLogin: true })
  expect(parseSetting('httpProxy', '')).toEqual({ httpProxy: '' })
  expect(parseSetting('insecureRegistries', '')).toEqual({ insecureRegistries: [] })
  expect(parseSetting('registryMirrors', 'http://a:1,http://b:2')).toEqual({
    registryMirrors: ['http://a:1', 'http://b:2'],
  })
  expect(() => parseSetting('portModel', 'triple')).toThrow('portModel: ')
})

test('a state in one line', () => {
  expect(describeState({ state: 'starting', step: 'disk', since: 0, detail: 'checking' })).toBe(
    'starting: mounting the data disk: checking',
  )
  expect(describeState({ state: 'failed', error: 'QEMU ended' })).toBe('failed: QEMU ended')
})
