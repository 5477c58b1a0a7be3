import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { Room } from './room.ts'

it('takes what fits and refuses what does not, naming it', () => {
  const room = new Room(tmpdir())
  expect(() => room.take(4096, 'a')).not.toThrow()
  const { bavail, bsize } = statfsSync(tmpdir())
  expect(() => room.take(bavail * bsize * 2 + 1, 'layer/big')).toThrow(
    'write layer/big: no space left on device',
  )
})

it('asks again after a refusal', () => {
  const room = new Room(tmpdir())
  expect(() => room.take(Number.MAX_SAFE_INTEGER, 'x')).toThrow('no space left')
  expect(() => room.take(1, 'x')).not.toThrow()
})
