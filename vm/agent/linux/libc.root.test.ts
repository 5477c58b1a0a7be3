/** Real system calls; run as root with `node --experimental-ffi --test`. */
import assert from 'node:assert/strict'
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { EngineError } from '../../api/errors.ts'
import { MountFlag } from './kernel.ts'
import { LibcKernel } from './libc.ts'

const kernel = new LibcKernel()
const folder = mkdtempSync(join(tmpdir(), 'libc-'))
after(() => rmSync(folder, { recursive: true }))

test('mounts, remounts read-only and unmounts', () => {
  const target = join(folder, 'mnt')
  mkdirSync(target)
  kernel.mount({ type: 'tmpfs', source: 'tmpfs', target, data: 'size=1m' })
  writeFileSync(join(target, 'file'), 'x')
  kernel.mount({
    type: '',
    source: '',
    target,
    flags: MountFlag.REMOUNT | MountFlag.READONLY,
    data: 'size=1m',
  })
  assert.throws(() => writeFileSync(join(target, 'file'), 'y'), { code: 'EROFS' })
  kernel.unmount(target)
  assert.deepEqual(readdirSync(target), [])
  kernel.unmount(target)
  kernel.unmount(join(folder, 'missing'), { lazy: true })
})

test('a failure names call, subject and errno, and has the kind that fits', () => {
  const failing = () => kernel.mount({ type: 'nosuchfs', source: 'none', target: folder })
  assert.throws(failing, (error) => error instanceof EngineError && error.details?.['errno'] === 'ENODEV')
  assert.throws(() => kernel.mount({ type: 'tmpfs', source: 'none', target: join(folder, 'missing') }), {
    kind: 'not_found',
    message: `mount tmpfs none on ${folder}/missing: ENOENT`,
  })
})

test('makes devices with large numbers', () => {
  const path = join(folder, 'device')
  kernel.mknod(path, 0o020600, 4095, 1_048_575)
  const { rdev } = statSync(path)
  assert.equal(((rdev >> 8) & 0xfff) | 0, 4095)
  assert.equal((rdev & 0xff) | ((rdev >>> 12) & 0xfff00), 1_048_575)
})

test('keeps extended attributes of links and files', () => {
  const path = join(folder, 'attributes')
  writeFileSync(path, '')
  assert.equal(kernel.getXattr(path, 'trusted.a'), undefined)
  kernel.setXattr(path, 'trusted.a', new Uint8Array([1, 0, 2]))
  kernel.setXattr(path, 'trusted.empty', new Uint8Array(0))
  assert.deepEqual([...(kernel.getXattr(path, 'trusted.a') ?? [])], [1, 0, 2])
  assert.deepEqual(kernel.getXattr(path, 'trusted.empty'), new Uint8Array(0))
  assert.deepEqual(kernel.listXattrs(path).sort(), ['trusted.a', 'trusted.empty'])
  kernel.removeXattr(path, 'trusted.a')
  kernel.removeXattr(path, 'trusted.a')
  assert.deepEqual(kernel.listXattrs(path), ['trusted.empty'])
})

test('sets times of a link itself, before 1970 too', () => {
  const path = join(folder, 'link')
  symlinkSync('nowhere', path)
  kernel.setTimes(path, 1n, -1_500_000_000n)
  const { atimeMs, mtimeMs } = lstatSync(path)
  assert.deepEqual([Math.round(atimeMs), mtimeMs], [0, -1500])
})

test('opens a pseudo-terminal of the wanted size', () => {
  const { masterFd, slaveFd } = kernel.openPty()
  try {
    kernel.setWindowSize(masterFd, { rows: 24, columns: 80 })
    writeSync(slaveFd, 'hi\n')
    // The terminal hands on what it has, the end of the line perhaps by itself.
    let seen = ''
    const buffer = Buffer.alloc(16)
    while (!seen.endsWith('\n')) seen += buffer.toString('utf8', 0, readSync(masterFd, buffer))
    assert.equal(seen, 'hi\r\n')
  } finally {
    closeSync(slaveFd)
    closeSync(masterFd)
  }
})

test('syncs and refuses a socket that is not there', () => {
  kernel.syncFilesystem(folder)
  assert.throws(() => kernel.connectSeqpacket(join(folder, 'none')), { kind: 'not_found' })
  assert.throws(() => kernel.connectSeqpacket(`/${'x'.repeat(108)}`), { kind: 'invalid_argument' })
})

test('allows the devices of a control group, and of nothing else', () => {
  const group = '/sys/fs/cgroup/libc-test'
  mkdirSync(group)
  try {
    kernel.allowDevices(group)
    kernel.allowDevices(group)
  } finally {
    rmdirSync(group)
  }
  assert.throws(() => kernel.allowDevices(folder), /BPF_PROG_ATTACH/)
})

test('listens for a descriptor until it is told not to', () => {
  const path = join(folder, 'fd.sock')
  const listener = kernel.listenForFd(path)
  assert.equal(listener.receive(), undefined)
  assert.throws(() => kernel.listenForFd(path))
  listener[Symbol.dispose]()
  assert.equal(readdirSync(folder).includes('fd.sock'), false)
})
