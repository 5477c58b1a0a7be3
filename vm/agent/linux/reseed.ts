import { closeSync, openSync, writeSync } from 'node:fs'
import { EngineError } from '../../api/errors.ts'
import { type Libc, openOwn } from './ffi.ts'

/** linux/random.h */
const RNDRESEEDCRNG = 0x5207n

/** random(4): what is written is mixed in, the ioctl has it used at once. OpenSSL's generators follow their first one. */
export function reseed(libc: Libc, entropy: Uint8Array): void {
  const fd = openSync('/dev/urandom', 'w')
  try {
    writeSync(fd, entropy)
    libc.must('ioctl', '/dev/urandom RNDRESEEDCRNG', fd, RNDRESEEDCRNG, new Uint8Array(4))
  } finally {
    closeSync(fd)
  }
  const { RAND_poll } = openOwn({ RAND_poll: { arguments: [], return: 'i32' } })
  if (RAND_poll() !== 1) throw new EngineError('internal', 'RAND_poll: OpenSSL has no entropy')
}
