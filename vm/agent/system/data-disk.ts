/**
 * The engine's part in a machine that is *held*: the host asks for it (`slipway.hold` on the kernel's command line) when it
 * wants to keep the machine's memory at the moment when everything is loaded and nothing of the data disk is known yet.
 * Later starts begin there. The host unplugs the network cable before the guest runs and plugs it in to let it go on.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Kernel, MountFlag } from '../linux/kernel.ts'

/** What `SLIPWAY_DATA_DISK` tells the engine to make ready itself, and where. */
export interface DataDisk {
  readonly device: string
  readonly root: string
}

export interface HeldPlaces {
  readonly cable: string
  readonly console: string
  readonly entropy: string
  readonly clock: string
  readonly mounts: string
  /** Number of 512-byte sectors of the device. */
  readonly size: string
}

const PLACES: HeldPlaces = {
  cable: '/sys/class/net/eth0/carrier',
  console: '/dev/console',
  entropy: '/dev/hwrng',
  clock: '/sys/class/rtc/rtc0/since_epoch',
  mounts: '/proc/mounts',
  size: '/sys/class/block/vdb/size',
}

/** The look costs next to nothing, and a start is behind it. */
const LOOK_MS = 5
/** The driver may still have 64 bytes of before the pause, which every start from the same memory would see. */
const ENTROPY_BYTES = 256
/** As the image's `data-disk` has it: who may use the last hundredth of the disk. */
const OPTIONS = 'discard,resuid=4294967290'

const SCRIPT = '/usr/lib/slipway/data-disk'
/** Tells the image's `agent` script that a restart would mend nothing. */
const NO_DISK = 78

type Doors = Pick<Kernel, 'mount' | 'setClock' | 'reseed'>

/** In a machine that is held: waits until it may go on, then mounts the data disk. Ends the process when that fails. */
export async function takeDataDisk(disk: DataDisk, kernel: Doors): Promise<void> {
  if (isMounted(disk.root)) return
  // An engine that takes this one's place finds it; on the data disk there is no place for it yet.
  const { flushCompileCache } = nodeModule as { flushCompileCache?: () => void }
  flushCompileCache?.()
  await untilReleased(kernel)
  if (mountWhenClean(disk, kernel)) return
  if (spawnSync(SCRIPT, { stdio: 'inherit' }).status !== 0) process.exit(NO_DISK)
}

/** Waits until the host lets the machine go on, and makes it forget that it may have been here before: entropy and time. */
export async function untilReleased(kernel: Doors, places: HeldPlaces = PLACES): Promise<void> {
  const plugged = () => readFileSync(places.cable, 'latin1').trim() === '1'
  if (!plugged()) {
    say('holding', places)
    while (!plugged()) await sleep(LOOK_MS)
  }
  kernel.reseed(read(places.entropy, ENTROPY_BYTES))
  // Seconds; the host puts it right to the millisecond later.
  kernel.setClock(Number(readFileSync(places.clock, 'latin1')) * 1000 + 500)
  say('awake', places)
}

/**
 * Mounts the data disk by system calls when there is nothing else to be done to it: a whole ext4 that was left in order and
 * fills its device. Answers false when the `data-disk` script has to see to it.
 */
export function mountWhenClean(
  { device, root }: DataDisk,
  kernel: Doors,
  places: HeldPlaces = PLACES,
): boolean {
  const sectors = Number(readFileSync(places.size, 'latin1'))
  if (!isClean(read(device, 2048).subarray(1024), sectors)) return false
  kernel.mount({ type: 'ext4', source: device, target: root, flags: MountFlag.NOATIME, data: OPTIONS })
  say('data disk mounted', places)
  return true
}

/** Whether it has been mounted, by an engine before this one. */
export function isMounted(root: string, places: HeldPlaces = PLACES): boolean {
  return readFileSync(places.mounts, 'latin1').includes(` ${root} `)
}

/** The superblock's fields: https://docs.kernel.org/filesystems/ext4/globals.html */
function isClean(superblock: Buffer, sectors: number): boolean {
  if (superblock.length < 1024 || superblock.readUInt16LE(0x38) !== 0xef53) return false
  const needsRecovery = (superblock.readUInt32LE(0x60) & 4) !== 0
  const inOrder = superblock.readUInt16LE(0x3a) === 1
  const sectorsPerBlock = 2 << superblock.readUInt32LE(0x18)
  return inOrder && !needsRecovery && Math.floor(sectors / sectorsPerBlock) <= superblock.readUInt32LE(4)
}

function say(what: string, { console }: HeldPlaces): void {
  writeFileSync(console, `slipway: ${what}\n`)
}

function read(path: string, bytes: number): Buffer {
  const fd = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(bytes)
    let length = 0
    while (length < bytes) {
      const more = readSync(fd, buffer, length, bytes - length, null)
      if (more === 0) break
      length += more
    }
    return buffer.subarray(0, length)
  } finally {
    closeSync(fd)
  }
}
