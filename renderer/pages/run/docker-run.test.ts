import { expect, test } from 'vitest'
import { parseDockerRun, parsePorts, printDockerRun } from './docker-run.ts'
import {
  checkForm,
  EMPTY_FORM,
  nextPort,
  parseEnvFile,
  parseSize,
  printSize,
  type RunForm,
  toCreateRequest,
  wantsTerminal,
} from './run-form.ts'

const form = (part: Partial<RunForm>): RunForm => ({ ...structuredClone(EMPTY_FORM), tty: false, ...part })

test('a usual command fills the form', () => {
  const line = `sudo docker run -d --name web -p 8080:80 -p 127.0.0.1:5353:53/udp -e "MSG=hello world" \\
    -v data:/var/lib/data:ro --restart=unless-stopped -m 512m --cpus 1.5 nginx:1.27 nginx -g 'daemon off;'`
  expect(parseDockerRun(line)).toEqual({
    ignored: [],
    form: form({
      image: 'nginx:1.27',
      name: 'web',
      command: "nginx -g 'daemon off;'",
      ports: [
        { host: '8080', container: '80', protocol: 'tcp', hostIp: '' },
        { host: '5353', container: '53', protocol: 'udp', hostIp: '127.0.0.1' },
      ],
      env: [{ key: 'MSG', value: 'hello world' }],
      mounts: [{ source: 'data', target: '/var/lib/data', readOnly: true }],
      restart: 'unless-stopped',
      memory: '512m',
      cpus: '1.5',
    }),
  })
})

test('short flags cluster, and values may stick to them', () => {
  const { form: parsed } = parseDockerRun('docker run -itp 80:80 -p81:81 --rm busybox sh')
  expect([
    parsed.tty,
    parsed.autoRemove,
    parsed.ports.map((port) => port.host),
    parsed.image,
    parsed.command,
  ]).toEqual([true, true, ['80', '81'], 'busybox', 'sh'])
})

test('what the form cannot hold is named, and does not swallow the image', () => {
  expect(parseDockerRun('docker run -P --gpus all --shm-size=1g --device /dev/fuse redis').ignored).toEqual([
    '-P',
    '--gpus all',
    '--shm-size=1g',
    '--device /dev/fuse',
  ])
  expect(parseDockerRun('docker run --gpus all redis').form.image).toBe('redis')
})

test('ports: ranges, addresses, IPv6', () => {
  expect(parsePorts('8000-8002:80-82').map((port) => `${port.host}:${port.container}`)).toEqual([
    '8000:80',
    '8001:81',
    '8002:82',
  ])
  expect(parsePorts('[::1]:80:8080')).toEqual([
    { host: '80', container: '8080', protocol: 'tcp', hostIp: '::1' },
  ])
  expect(parsePorts('127.0.0.1::80')).toEqual([
    { host: '', container: '80', protocol: 'tcp', hostIp: '127.0.0.1' },
  ])
  expect(() => parsePorts('80:http')).toThrow(SyntaxError)
  expect(() => parsePorts('8000-8001:80-85')).toThrow(SyntaxError)
})

test('mounts: bind, volume, anonymous, Windows drive, --mount', () => {
  const line =
    'docker run -v /a:/b -v vol:/c:ro -v /d -v C:\\src:/e --mount type=bind,source=/x,target=/y,readonly busybox'
  const { mounts } = parseDockerRun(line.replaceAll('\\', '\\\\')).form
  expect(mounts.map((mount) => `${mount.source}>${mount.target}${mount.readOnly ? '!' : ''}`)).toEqual([
    '/a>/b',
    'vol>/c!',
    '>/d',
    'C:\\src>/e',
    '/x>/y!',
  ])
})

test('what is not docker run is refused', () => {
  for (const line of [
    'ls -l',
    'docker ps',
    'docker run',
    "docker run 'x",
    'docker run --restart sometimes x',
  ]) {
    expect(() => parseDockerRun(line), line).toThrow(SyntaxError)
  }
})

test('what is printed parses to the same form', () => {
  const whole = form({
    image: 'redis:7',
    name: 'cache',
    command: "redis-server --save ''",
    ports: [{ host: '', container: '6379', protocol: 'tcp', hostIp: '::1' }],
    env: [{ key: 'A', value: `it's "x" $Y` }],
    mounts: [{ source: '/my dir', target: '/data', readOnly: true }],
    network: 'back',
    restart: 'always',
    memory: '1g',
    cpus: '2',
    tty: true,
    autoRemove: true,
    workdir: '/srv',
    user: '1000:1000',
    hostname: 'h',
    privileged: true,
    init: true,
    readOnly: true,
    labels: [{ key: 'a', value: 'b c' }],
    capAdd: ['NET_ADMIN'],
    capDrop: ['ALL'],
    extraHosts: ['db:10.0.0.1'],
  })
  expect(parseDockerRun(printDockerRun(whole))).toEqual({ form: whole, ignored: [] })
})

test('sizes, env files and checks', () => {
  expect(['512m', '1g', '1.5G', '100', '2gb', 'x'].map(parseSize)).toEqual([
    536_870_912,
    1_073_741_824,
    1_610_612_736,
    100,
    2_147_483_648,
    undefined,
  ])
  expect([536_870_912, 1025].map(printSize)).toEqual(['512m', '1025b'])
  expect(parseEnvFile(`# c\nA=1\nexport B="x # y"\nC='z' \nD=1 # no\n\nbroken`)).toEqual([
    { key: 'A', value: '1' },
    { key: 'B', value: 'x # y' },
    { key: 'C', value: 'z' },
    { key: 'D', value: '1' },
  ])
  const bad = form({
    name: '-x',
    ports: [{ host: '70000', container: 'http', protocol: 'tcp', hostIp: '' }],
    memory: 'lots',
  })
  expect(checkForm(bad).map((problem) => problem.field)).toEqual([
    'image',
    'name',
    'ports.0.container',
    'ports.0.host',
    'memory',
  ])
})

test('the body of create', () => {
  const request = toCreateRequest(
    form({ image: ' busybox ', command: 'echo "a b"', memory: '64m', ports: parsePorts('8080:80') }),
  )
  expect(request).toMatchObject({
    Image: 'busybox',
    Cmd: ['echo', 'a b'],
    ExposedPorts: { '80/tcp': {} },
    HostConfig: { Memory: 67_108_864, PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } },
  })
})

test('a shell wants a terminal', () => {
  expect(wantsTerminal(form({}), { Cmd: ['/bin/bash'] })).toBe(true)
  expect(wantsTerminal(form({}), { Cmd: ['sh'], Entrypoint: ['/entry.sh'] })).toBe(false)
  expect(wantsTerminal(form({ command: 'ls' }), { Cmd: ['sh'] })).toBe(false)
  expect(wantsTerminal(form({ command: 'bash' }), { Cmd: ['nginx'] })).toBe(true)
})

test('a new port row proposes what the image listens on, one after the other', () => {
  const exposed = ['443/tcp', '53/udp', '3000/tcp']
  const first = nextPort([], exposed)
  expect(first).toEqual({ host: '8443', container: '443', protocol: 'tcp', hostIp: '' })
  const second = nextPort([first], exposed)
  expect(second).toEqual({ host: '8053', container: '53', protocol: 'udp', hostIp: '' })
  const third = nextPort([first, second], exposed)
  expect(third).toMatchObject({ host: '3000', container: '3000' })
  expect(nextPort([first, second, third], exposed)).toMatchObject({
    host: '',
    container: '',
    protocol: 'tcp',
  })
})
