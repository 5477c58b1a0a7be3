import { closeSync, constants, openSync } from 'node:fs'
import { EngineError } from '../../api/errors.ts'
import type { Libc } from './ffi.ts'

/** System call and commands of bpf(2), linux/bpf.h. */
const SYS_BPF: Partial<Record<NodeJS.Architecture, bigint>> = { x64: 321n, arm64: 280n }
const PROG_LOAD = 5n
const PROG_ATTACH = 8n
const PROG_TYPE_CGROUP_DEVICE = 15
const CGROUP_DEVICE = 6

/** `r0 = 1; exit`: every device is allowed. */
const ALLOW = Uint8Array.of(0xb7, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0)
const LICENSE = new TextEncoder().encode('GPL\0')

/** Attaches a device program that allows everything to a control group; it goes with the group. */
export function allowDevices(libc: Libc, group: string): void {
  const call = SYS_BPF[process.arch]
  if (call === undefined) throw new EngineError('not_implemented', `bpf on ${process.arch}`)
  const load = new DataView(new ArrayBuffer(48))
  load.setUint32(0, PROG_TYPE_CGROUP_DEVICE, true)
  load.setUint32(4, ALLOW.length / 8, true)
  load.setBigUint64(8, libc.addressOf(ALLOW), true)
  load.setBigUint64(16, libc.addressOf(LICENSE), true)
  const program = libc.must('syscall', 'BPF_PROG_LOAD', call, PROG_LOAD, bytes(load), 48n)
  const target = openSync(group, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const attach = new DataView(new ArrayBuffer(16))
    attach.setUint32(0, target, true)
    attach.setUint32(4, program, true)
    attach.setUint32(8, CGROUP_DEVICE, true)
    libc.must('syscall', `BPF_PROG_ATTACH to ${group}`, call, PROG_ATTACH, bytes(attach), 16n)
  } finally {
    closeSync(target)
    closeSync(program)
  }
}

const bytes = (view: DataView): Uint8Array => new Uint8Array(view.buffer)
