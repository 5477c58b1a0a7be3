import { appendFile, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LogParser } from './cri-log.ts'
import { frame } from './frames.ts'
import { rotateIfLarge } from './log-files.ts'
import { followFile, readLog } from './log-reader.ts'
import { tailOffset } from './log-tail.ts'
import { parseLogTime, parseTail } from './logs.ts'

const line = (text: string, stream = 'stdout', tag = 'F', second = 0) =>
  `2026-11-21T17:43:${String(second).padStart(2, '0')}.123456789+00:00 ${stream} ${tag} ${text}\n`

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'logs-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function texts(entries: AsyncIterable<{ data: Buffer; full: boolean }[]>): Promise<string> {
  let all = ''
  for await (const batch of entries) for (const e of batch) all += `${e.data}${e.full ? '\n' : ''}`
  return all
}

describe('LogParser', () => {
  it('reads entries whatever the chunking, keeps bytes, drops what is no entry', () => {
    const bytes = Buffer.concat([
      Buffer.from(line('one')),
      Buffer.from('2026-11-21T17:43:00.1+09:00 stderr P '),
      Buffer.from([0xff, 0x00]),
      Buffer.from('\nrubbish\n'),
      Buffer.from(line('', 'stdout')),
    ])
    for (const size of [1, 7, 1000]) {
      const parser = new LogParser()
      const entries = []
      for (let at = 0; at < bytes.length; at += size)
        entries.push(...parser.push(bytes.subarray(at, at + size)))
      expect(
        entries.map(({ time, stream, full, data }) => ({ time, stream, full, data: [...data] })),
      ).toEqual([
        {
          time: '2026-11-21T17:43:00.123456789Z',
          stream: 'stdout',
          full: true,
          data: [...Buffer.from('one')],
        },
        { time: '2026-11-21T08:43:00.100000000Z', stream: 'stderr', full: false, data: [0xff, 0x00] },
        { time: '2026-11-21T17:43:00.123456789Z', stream: 'stdout', full: true, data: [] },
      ])
    }
  })
})

describe('tailOffset', () => {
  it.each([
    [0, ''],
    [1, 'c\n'],
    [2, 'bbb\nc\n'],
    [3, 'a\nbbb\nc\n'],
    [9, 'a\nbbb\nc\n'],
  ])('last %i lines, partial entries counted as one line', async (count, expected) => {
    const path = join(folder, 'log')
    await writeFile(path, line('a') + line('bb', 'stdout', 'P') + line('b') + line('c'))
    expect(await texts(readLog(folder, { tail: count }))).toBe(expected)
  })

  it('finds the place in a file of many blocks', async () => {
    const path = join(folder, 'log')
    const lines = Array.from({ length: 20_000 }, (_, i) => line(`line ${i}`))
    await writeFile(path, lines.join(''))
    const file = await open(path)
    const { offset } = await tailOffset(file, 15_000)
    await file.close()
    expect(offset).toBe(lines.slice(0, 5000).join('').length)
  })
})

describe('readLog', () => {
  it('reads rotated files oldest first, and tails across them', async () => {
    await writeFile(join(folder, 'log.2'), line('1'))
    await writeFile(join(folder, 'log.1'), line('2') + line('3'))
    await writeFile(join(folder, 'log'), line('4'))
    expect(await texts(readLog(folder, {}))).toBe('1\n2\n3\n4\n')
    expect(await texts(readLog(folder, { tail: 2 }))).toBe('3\n4\n')
  })

  it('is empty without a log', async () => {
    expect(await texts(readLog(folder, { tail: 5 }))).toBe('')
  })

  it('follows from before the file exists, across rotation, to the end', async () => {
    const path = join(folder, 'log')
    let finish: () => void = () => undefined
    const ended = new Promise<void>((resolve) => {
      finish = resolve
    })
    let seen = ''
    const all = (async () => {
      for await (const batch of followFile(path, 0, ended)) for (const { data } of batch) seen += `${data}\n`
    })()
    await pause()
    await writeFile(path, line('a'))
    await expect.poll(() => seen).toBe('a\n')
    await appendFile(path, line('b'))
    await expect.poll(() => seen).toBe('a\nb\n')
    await rename(path, `${path}.1`)
    await pause()
    await writeFile(path, line('c'))
    await expect.poll(() => seen).toBe('a\nb\nc\n')
    await appendFile(path, line('last'))
    finish()
    await all
    expect(seen).toBe('a\nb\nc\nlast\n')
  })

  it('stops following when the signal fires', async () => {
    const abort = new AbortController()
    const all = texts(followFile(join(folder, 'log'), 0, new Promise(() => undefined), abort.signal))
    setTimeout(() => abort.abort(), 20)
    expect(await all).toBe('')
  })
})

describe('rotation', () => {
  it('keeps max-file files', async () => {
    for (const round of ['1', '2', '3', '4']) {
      await writeFile(join(folder, 'log'), line(round))
      expect(await rotateIfLarge(folder, { maxSize: 10, maxFile: 3 })).toBe(true)
    }
    expect(await texts(readLog(folder, {}))).toBe('3\n4\n')
    expect(await rotateIfLarge(folder, { maxSize: 10, maxFile: 3 })).toBe(false)
  })
})

describe('parameters', () => {
  it('reads times and tails as dockerd does', () => {
    expect(parseLogTime('since', '1700000000.5')).toBe('2023-11-14T22:13:20.500000000Z')
    expect(parseLogTime('since', '2023-11-14T22:13:20Z')).toBe('2023-11-14T22:13:20.000000000Z')
    expect(parseLogTime('since', '0')).toBeUndefined()
    expect(() => parseLogTime('since', 'soon')).toThrow('strconv.ParseInt: parsing "soon": invalid syntax')
    expect([parseTail('all'), parseTail('12'), parseTail('-3'), parseTail(null)]).toEqual([
      undefined,
      12,
      undefined,
      undefined,
    ])
  })

  it('frames payloads', () => {
    expect([...frame(2, Buffer.from('hey'))]).toEqual([2, 0, 0, 0, 0, 0, 0, 3, 104, 101, 121])
  })
})

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 40))
}
