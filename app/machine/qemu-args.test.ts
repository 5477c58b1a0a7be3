import { describe, expect, test } from 'vitest'
import type { Arch, VmSpec } from './driver.ts'
import { acceleratorCandidates, qemuArgs } from './qemu-args.ts'
import type { Accelerator } from './state.ts'

function spec(changes: Partial<VmSpec> = {}): VmSpec {
  return {
    id: '11111111-2222-4333-8444-555555555555',
    arch: 'x64',
    accelerator: 'tcg',
    cpus: 2,
    memoryMiB: 2048,
    kernel: '/image/vmlinuz',
    initrd: '/home/initrd.img',
    systemDisk: '/image/system.img',
    dataDisk: '/home/data.img',
    sshPort: 40022,
    console: 'ttyS0',
    kernelArguments: ['lsm=landlock', 'audit=0'],
    serialLog: '/home/serial.log',
    stderrLog: '/home/qemu.log',
    pidFile: '/home/qemu.pid',
    monitor: '/home/qmp.sock',
    ...changes,
  }
}

/** The values of every `name` option. */
function values(args: readonly string[], name: string): string[] {
  return args.flatMap((arg, index) => (arg === name ? [args[index + 1] ?? ''] : []))
}
const one = (args: readonly string[], name: string): string => {
  const found = values(args, name)
  expect(found, name).toHaveLength(1)
  return found[0] ?? ''
}

describe('machine, accelerator and processor', () => {
  const x64 = 'q35,usb=off,vmport=off,smbus=off,sata=off,hpet=off,dump-guest-core=off'
  const virt = 'virt,usb=off,dump-guest-core=off'
  const rows: [NodeJS.Platform, Arch, Accelerator, string, string, string][] = [
    ['linux', 'x64', 'kvm', x64, 'kvm', 'host'],
    ['linux', 'x64', 'tcg', x64, 'tcg,thread=multi,tb-size=512', 'max,cx16=off'],
    ['linux', 'arm64', 'kvm', 'virt,usb=off,gic-version=max,dump-guest-core=off', 'kvm', 'host'],
    ['linux', 'arm64', 'tcg', virt, 'tcg,thread=multi,tb-size=512', 'max,pauth-impdef=on'],
    ['darwin', 'x64', 'hvf', x64, 'hvf', 'host'],
    ['darwin', 'x64', 'tcg', x64, 'tcg,thread=multi,tb-size=512', 'max,cx16=off'],
    ['darwin', 'arm64', 'hvf', virt, 'hvf', 'host'],
    ['darwin', 'arm64', 'tcg', virt, 'tcg,thread=multi,tb-size=512', 'max,pauth-impdef=on'],
    ['win32', 'x64', 'whpx', x64, 'whpx,kernel-irqchip=off', 'qemu64'],
    ['win32', 'x64', 'tcg', x64, 'tcg,thread=multi,tb-size=512', 'max,cx16=off'],
    ['win32', 'arm64', 'whpx', virt, 'whpx,kernel-irqchip=off', 'host'],
    ['win32', 'arm64', 'tcg', virt, 'tcg,thread=multi,tb-size=512', 'max,pauth-impdef=on'],
  ]
  test.each(rows)('%s %s %s', (platform, arch, accelerator, machine, accel, cpu) => {
    const args = qemuArgs(spec({ arch, accelerator }), platform)
    expect([one(args, '-machine'), one(args, '-accel'), one(args, '-cpu')]).toEqual([machine, accel, cpu])
  })

  test('more than 8 emulated arm processors need the newer interrupt controller', () => {
    const args = qemuArgs(spec({ arch: 'arm64', cpus: 9 }), 'darwin')
    expect(one(args, '-machine')).toContain('gic-version=3')
  })

  test('processors and memory', () => {
    const args = qemuArgs(spec({ cpus: 6, memoryMiB: 3000 }), 'linux')
    expect([one(args, '-smp'), one(args, '-m')]).toEqual(['cpus=6', 'size=3000M'])
  })
})

test('the whole vector of a Linux host', () => {
  expect(qemuArgs(spec(), 'linux')).toMatchInlineSnapshot(`
    [
      "-no-user-config",
      "-nodefaults",
      "-no-reboot",
      "-name",
      "slipway",
      "-uuid",
      "11111111-2222-4333-8444-555555555555",
      "-display",
      "none",
      "-machine",
      "q35,usb=off,vmport=off,smbus=off,sata=off,hpet=off,dump-guest-core=off",
      "-accel",
      "tcg,thread=multi,tb-size=512",
      "-cpu",
      "max,cx16=off",
      "-smp",
      "cpus=2",
      "-m",
      "size=2048M",
      "-rtc",
      "base=utc,clock=host",
      "-kernel",
      "/image/vmlinuz",
      "-initrd",
      "/home/initrd.img",
      "-append",
      "console=ttyS0 quiet loglevel=4 panic=-1 oops=panic nowatchdog rcupdate.rcu_cpu_stall_suppress=1 ras=cec_disable i8042.noaux i8042.nokbd no_timer_check mitigations=off norandmaps maxcpus=1 noreplace-smp no_ipi_broadcast=1 lpj=10000000 tsc=reliable lsm=landlock audit=0",
      "-device",
      "virtio-rng-pci,disable-legacy=on",
      "-device",
      "virtio-balloon-pci,disable-legacy=on,deflate-on-oom=on,free-page-reporting=on",
      "-blockdev",
      "{"driver":"raw","node-name":"system","read-only":true,"file":{"driver":"file","filename":"/image/system.img","read-only":true}}",
      "-blockdev",
      "{"driver":"raw","node-name":"data","cache":{"direct":false,"no-flush":false},"discard":"unmap","detect-zeroes":"unmap","file":{"driver":"file","filename":"/home/data.img","cache":{"direct":false,"no-flush":false},"discard":"unmap"}}",
      "-object",
      "iothread,id=io",
      "-device",
      "virtio-blk-pci,disable-legacy=on,drive=system,serial=slipway-system",
      "-device",
      "virtio-blk-pci,disable-legacy=on,drive=data,serial=slipway-data,write-cache=on,iothread=io",
      "-netdev",
      "user,id=net,net=10.0.2.0/24,ipv4=on,ipv6=on,hostfwd=tcp:127.0.0.1:40022-10.0.2.15:22",
      "-device",
      "virtio-net-pci,disable-legacy=on,netdev=net,mac=52:54:00:51:1b:0a,romfile=",
      "-chardev",
      "file,id=console,path=/home/serial.log",
      "-serial",
      "chardev:console",
      "-chardev",
      "socket,id=monitor,path=/home/qmp.sock,server=on,wait=off",
      "-mon",
      "chardev=monitor,mode=control",
      "-pidfile",
      "/home/qemu.pid",
    ]
  `)
})

test('the kernel is booted directly, with its console and an end instead of a hang', () => {
  const args = qemuArgs(spec({ arch: 'arm64', console: 'ttyAMA0', accelerator: 'hvf' }), 'darwin')
  expect(one(args, '-kernel')).toBe('/image/vmlinuz')
  expect(one(args, '-initrd')).toBe('/home/initrd.img')
  const line = one(args, '-append').split(' ')
  expect(line).toEqual(expect.arrayContaining(['console=ttyAMA0', 'panic=-1']))
  expect(line.filter((word) => word.startsWith('i8042') || word === 'mitigations=off')).toEqual([])
  expect(args).toContain('-no-reboot')
})

test('mitigations and address randomisation are off only under emulation', () => {
  for (const word of ['mitigations=off', 'norandmaps']) {
    expect(one(qemuArgs(spec({ accelerator: 'kvm' }), 'linux'), '-append')).not.toContain(word)
    expect(one(qemuArgs(spec(), 'linux'), '-append').split(' ')).toContain(word)
  }
})

test('an emulated x86-64 starts with one of its processors: the guest has the others come', () => {
  const line = (over: Partial<VmSpec>) => one(qemuArgs(spec(over), 'linux'), '-append').split(' ')
  expect(line({})).toContain('maxcpus=1')
  expect(one(qemuArgs(spec({}), 'linux'), '-smp')).toBe('cpus=2')
  expect(line({ accelerator: 'kvm' })).not.toContain('maxcpus=1')
  expect(line({ arch: 'arm64' })).not.toContain('maxcpus=1')
})

test('disks: the system is read-only and first, the data disk honours flushes and gives space back', () => {
  const args = qemuArgs(spec({ dataDisk: '/a,b "c"/data.img' }), 'linux')
  const nodes = values(args, '-blockdev').map((text) => JSON.parse(text))
  expect(nodes).toMatchObject([
    { 'node-name': 'system', 'read-only': true, file: { 'read-only': true, filename: '/image/system.img' } },
    {
      'node-name': 'data',
      discard: 'unmap',
      'detect-zeroes': 'unmap',
      cache: { direct: false, 'no-flush': false },
      file: { filename: '/a,b "c"/data.img', discard: 'unmap', cache: { direct: false, 'no-flush': false } },
    },
  ])
  const drives = values(args, '-device').filter((device) => device.startsWith('virtio-blk'))
  expect(drives.map((device) => /drive=(\w+)/.exec(device)?.[1])).toEqual(['system', 'data'])
})

test('ssh is reachable on the loopback address only', () => {
  expect(one(qemuArgs(spec(), 'linux'), '-netdev')).toBe(
    'user,id=net,net=10.0.2.0/24,ipv4=on,ipv6=on,hostfwd=tcp:127.0.0.1:40022-10.0.2.15:22',
  )
})

test('monitor: a socket, on Windows a named pipe; commas in paths are doubled', () => {
  const posix = values(
    qemuArgs(spec({ monitor: '/a,b/qmp.sock', serialLog: '/a,b/s' }), 'darwin'),
    '-chardev',
  )
  expect(posix).toEqual([
    'file,id=console,path=/a,,b/s',
    'socket,id=monitor,path=/a,,b/qmp.sock,server=on,wait=off',
  ])
  const windows = values(qemuArgs(spec({ monitor: '\\\\.\\pipe\\slipway-1' }), 'win32'), '-chardev')
  expect(windows[1]).toBe('pipe,id=monitor,path=slipway-1')
})

test('only virtio devices', () => {
  for (const arch of ['x64', 'arm64'] as const) {
    const devices = values(qemuArgs(spec({ arch }), 'linux'), '-device')
    expect(devices.filter((device) => !device.startsWith('virtio-'))).toEqual([])
  }
})

test.each([
  ['darwin', 'arm64', 'arm64', ['hvf', 'tcg']],
  ['win32', 'x64', 'x64', ['whpx', 'tcg']],
  ['linux', 'x64', 'x64', ['kvm', 'tcg']],
  ['linux', 'x64', 'arm64', ['tcg']],
  ['freebsd', 'x64', 'x64', ['tcg']],
] as const)('accelerators on %s %s for %s', (platform, host, guest, expected) => {
  expect(acceleratorCandidates(platform, host, guest)).toEqual(expected)
})

describe('memory that is kept', () => {
  test('a VM that is held or restored stands still at first, on the very same command line', () => {
    const [held, restored] = [{ use: 'hold' }, { use: 'restore', path: "/it's/memory.img" }] as const
    const args = qemuArgs(spec({ memory: held }), 'linux')
    expect(args).toContain('-S')
    expect(one(args, '-append')).toMatch(/ slipway\.hold$/)
    expect(qemuArgs(spec({ memory: restored }), 'linux')).toEqual([
      ...args,
      '-incoming',
      "exec:cat '/it'\\''s/memory.img'",
    ])
  })

  test('otherwise nothing of it is said', () => {
    const args = qemuArgs(spec(), 'linux')
    expect(args.filter((arg) => arg === '-S' || arg === '-incoming' || arg.includes('hold'))).toEqual([])
  })
})
