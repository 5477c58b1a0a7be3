import { statfsSync } from 'node:fs'
import { EngineError } from '../../api/errors.ts'

/** How much may be written between two looks at the file system. Far less than the reserve. */
const STEP = 1024 * 1024

/**
 * Keeps bulk data out of the last part of a disk. The data disk has a reserve that only the engine and the containers'
 * monitors may write to: with it a full disk still takes records and logs, so that it can be tidied up. Layers and
 * blobs would eat it: they ask here first.
 */
export class Room {
  readonly #folder: string
  #free = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Says that `bytes` of `subject` are written next. Throws 'no space left on device' when only the reserve is left. */
  take(bytes: number, subject: string): void {
    if (this.#free < bytes) {
      const { bavail, bsize } = statfsSync(this.#folder)
      const left = bavail * bsize
      if (left < bytes) throw noSpace(subject)
      this.#free = Math.min(left, Math.max(STEP, bytes))
    }
    this.#free -= bytes
  }
}

/** What the kernel calls ENOSPC, with what could not be written. */
export function noSpace(subject: string, cause?: unknown): EngineError {
  return new EngineError('unavailable', `write ${subject}: no space left on device`, {
    cause,
    details: { status: 500 },
  })
}
