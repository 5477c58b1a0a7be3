import type { Arch, VmSpec } from './driver.ts'
import type { Accelerator } from './state.ts'

/** Names of the QEMU programs, per guest architecture. */
export const QEMU_BINARY: Readonly<Record<Arch, string>> = {
  x64: 'qemu-system-x86_64',
  arm64: 'qemu-system-aarch64',
}

/** QEMU's user network: fixed, so the guest asks nobody and waits for nothing. */
export const GUEST_NETWORK = '10.0.2.0/24'
export const GUEST_ADDRESS = '10.0.2.15'

const GIC_V2_CPUS = 8

/**
 * The accelerators worth trying, best first. tcg always works and comes last; a guest of another architecture than the
 * host's has nothing else.
 */
export function acceleratorCandidates(
  platform: NodeJS.Platform,
  host: string,
  guest: Arch,
): readonly Accelerator[] {
  if (host !== guest) return ['tcg']
  switch (platform) {
    case 'darwin':
      return ['hvf', 'tcg']
    case 'win32':
      return ['whpx', 'tcg']
    case 'linux':
      return ['kvm', 'tcg']
    default:
      return ['tcg']
  }
}

/**
 * What a kernel is told when its processor is emulated. Emulation does not speculate on the guest's behalf: the
 * mitigations protect from nothing and cost much. Translated code is kept by its virtual address, so a program that is
 * loaded elsewhere each time is translated anew each time: half the processor time of `docker run` (QEMU 7.2).
 */
const EMULATED = ['mitigations=off', 'norandmaps'] as const

/**
 * Linux patches its own code while it runs, with a breakpoint in the place for a moment. QEMU before 8.1 may translate that
 * breakpoint on one processor while another takes it away again, and keep it: "Oops: int3", a dead guest. So the machine
 * starts with one processor and its `boot` script has the others come once everything that starting containers patches is
 * patched for good. Without the rest of the line their coming would itself patch or take seconds of calibration.
 * The processor's counter is the host's own: reading it costs a quarter of reading the emulated timer, which Linux would
 * fall back to because counter and emulated interrupts do not keep step on a busy host.
 */
const EMULATED_X64 = [
  'maxcpus=1',
  'noreplace-smp',
  'no_ipi_broadcast=1',
  'lpj=10000000',
  'tsc=reliable',
] as const

/** QEMU's argument vector for one start of the machine. Pure; nothing is checked against the host. */
export function qemuArgs(spec: VmSpec, platform: NodeJS.Platform): string[] {
  return [
    ['-no-user-config', '-nodefaults', '-no-reboot'],
    ['-name', 'slipway', '-uuid', spec.id],
    ['-display', 'none'],
    ['-machine', machine(spec), '-accel', accel(spec), '-cpu', cpu(spec)],
    ['-smp', `cpus=${spec.cpus}`, '-m', `size=${spec.memoryMiB}M`],
    ['-rtc', 'base=utc,clock=host'],
    ['-kernel', spec.kernel, '-initrd', spec.initrd, '-append', commandLine(spec)],
    ['-device', 'virtio-rng-pci,disable-legacy=on'],
    ['-device', 'virtio-balloon-pci,disable-legacy=on,deflate-on-oom=on,free-page-reporting=on'],
    ...disks(spec),
    ...network(spec),
    ['-chardev', `file,id=console,path=${value(spec.serialLog)}`, '-serial', 'chardev:console'],
    ['-chardev', monitor(spec, platform), '-mon', 'chardev=monitor,mode=control'],
    ['-pidfile', spec.pidFile],
    memory(spec),
  ].flat()
}

/** A VM that is held or restored stands still until it is told to go on. */
function memory({ memory }: VmSpec): string[] {
  if (!memory) return []
  if (memory.use === 'hold') return ['-S']
  return ['-S', '-incoming', `exec:cat '${memory.path.replaceAll("'", "'\\''")}'`]
}

/** In QEMU's comma-separated options a comma is written twice. */
const value = (text: string): string => text.replaceAll(',', ',,')

function machine({ arch, accelerator, cpus }: VmSpec): string {
  if (arch === 'x64') return 'q35,usb=off,vmport=off,smbus=off,sata=off,hpet=off,dump-guest-core=off'
  const gic = accelerator === 'kvm' ? ',gic-version=max' : cpus > GIC_V2_CPUS ? ',gic-version=3' : ''
  return `virt,usb=off${gic},dump-guest-core=off`
}

function accel({ accelerator }: VmSpec): string {
  // Translated code of one boot takes 200 MiB, with the first commands 270; a full buffer is thrown away whole and what
  // it held translated again. Without a bound it grows to 1 GiB over time.
  if (accelerator === 'tcg') return 'tcg,thread=multi,tb-size=512'
  // The Hypervisor Platform emulates the interrupt controller too slowly and not on every Windows.
  if (accelerator === 'whpx') return 'whpx,kernel-irqchip=off'
  return accelerator
}

function cpu({ arch, accelerator }: VmSpec): string {
  if (accelerator === 'whpx') return arch === 'x64' ? 'qemu64' : 'host'
  if (accelerator !== 'tcg') return 'host'
  // QEMU 7.2 corrupts memory in cmpxchg16b under tcg: Linux then double-faults in kmalloc. Without the feature bit the
  // kernel takes another path. On arm64 the real pointer authentication cipher costs half the speed of emulation.
  return arch === 'x64' ? 'max,cx16=off' : 'max,pauth-impdef=on'
}

function commandLine({ arch, accelerator, console, kernelArguments, memory }: VmSpec): string {
  return [
    `console=${console}`,
    'quiet',
    'loglevel=4',
    // A kernel that panics ends QEMU (-no-reboot): a dead VM is noticed, a hanging one is not.
    'panic=-1',
    'oops=panic',
    // A host that is busy or asleep looks like a hang from inside.
    'nowatchdog',
    'rcupdate.rcu_cpu_stall_suppress=1',
    ...(arch === 'x64' ? ['ras=cec_disable', 'i8042.noaux', 'i8042.nokbd', 'no_timer_check'] : []),
    ...(accelerator === 'tcg' ? EMULATED : []),
    ...(accelerator === 'tcg' && arch === 'x64' ? EMULATED_X64 : []),
    ...kernelArguments,
    ...(memory ? ['slipway.hold'] : []),
  ].join(' ')
}

/**
 * The page cache of the host is used (`direct: false`) but every flush of the guest reaches the host's disk
 * (`no-flush: false`): killing QEMU loses nothing that was written, and a power cut loses nothing that was committed.
 */
function disks({ systemDisk, dataDisk }: VmSpec): string[][] {
  const cache = { direct: false, 'no-flush': false }
  const system = {
    driver: 'raw',
    'node-name': 'system',
    'read-only': true,
    file: { driver: 'file', filename: systemDisk, 'read-only': true },
  }
  const data = {
    driver: 'raw',
    'node-name': 'data',
    cache,
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    file: { driver: 'file', filename: dataDisk, cache, discard: 'unmap' },
  }
  return [
    ['-blockdev', JSON.stringify(system), '-blockdev', JSON.stringify(data)],
    ['-object', 'iothread,id=io'],
    // The order is the guest's /dev/vda and /dev/vdb; the serial numbers are for whoever looks from inside.
    ['-device', 'virtio-blk-pci,disable-legacy=on,drive=system,serial=slipway-system'],
    ['-device', 'virtio-blk-pci,disable-legacy=on,drive=data,serial=slipway-data,write-cache=on,iothread=io'],
  ]
}

function network({ sshPort }: VmSpec): string[][] {
  const forward = `hostfwd=tcp:127.0.0.1:${sshPort}-${GUEST_ADDRESS}:22`
  return [
    ['-netdev', `user,id=net,net=${GUEST_NETWORK},ipv4=on,ipv6=on,${forward}`],
    ['-device', 'virtio-net-pci,disable-legacy=on,netdev=net,mac=52:54:00:51:1b:0a,romfile='],
  ]
}

/** Node speaks no AF_UNIX on Windows; QEMU's pipe there is named without its prefix. */
function monitor(spec: VmSpec, platform: NodeJS.Platform): string {
  if (platform !== 'win32') return `socket,id=monitor,path=${value(spec.monitor)},server=on,wait=off`
  return `pipe,id=monitor,path=${value(spec.monitor.replace('\\\\.\\pipe\\', ''))}`
}
