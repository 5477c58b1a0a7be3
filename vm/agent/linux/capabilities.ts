/** Effective capabilities of the calling thread (capget(2), version 3 of its structures). */
import type { Libc } from './ffi.ts'

const VERSION_3 = 0x2008_0522
/** Lets its holder write into the blocks that a file system reserves (among other limits). */
const CAP_SYS_RESOURCE = 24

/** Runs `act` on this thread without the right to a file system's reserved blocks. */
export function withoutReserve(libc: Libc, act: () => void): void {
  const header = new Uint8Array(8)
  new DataView(header.buffer).setUint32(0, VERSION_3, true)
  // Two elements of {effective, permitted, inheritable}; the first one has capabilities 0 to 31.
  const had = new Uint8Array(24)
  libc.must('capget', 'capabilities', header, had)
  const without = had.slice()
  const view = new DataView(without.buffer)
  view.setUint32(0, view.getUint32(0, true) & ~(1 << CAP_SYS_RESOURCE), true)
  libc.must('capset', 'capabilities', header, without)
  try {
    act()
  } finally {
    libc.must('capset', 'capabilities', header, had)
  }
}
