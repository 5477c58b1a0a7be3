/** What every ContentStore must do; applied to each implementation by its own test. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContentStore, Digest } from './store.ts'

export interface ContentStoreFixture {
  store: ContentStore
  /** Files or objects that are not visible blobs: must be 0 after a failure. */
  leftovers(): Promise<number>
  dispose(): Promise<void>
}

export function contentStoreSuite(name: string, make: () => Promise<ContentStoreFixture>): void {
  describe(name, () => {
    let fixture: ContentStoreFixture
    beforeEach(async () => {
      fixture = await make()
    })
    afterEach(() => fixture.dispose())

    it('stores what it is given and gives it back, whole and from an offset', async () => {
      const { store } = fixture
      const written = await store.write(chunks('hello ', 'world'), {
        digest: digestOf('hello world'),
        size: 11,
      })
      expect(written).toEqual({ digest: digestOf('hello world'), size: 11 })
      expect(await store.info(written.digest)).toEqual({ size: 11 })
      expect(Buffer.from(await store.read(written.digest)).toString()).toBe('hello world')
      expect(await textOf(store.open(written.digest, 6))).toBe('world')
    })

    it('refuses a wrong digest, names both and keeps nothing', async () => {
      const { store } = fixture
      const expected = digestOf('other')
      await expect(store.write(chunks('evil'), { digest: expected })).rejects.toMatchObject({
        kind: 'data_loss',
        message: expect.stringMatching(new RegExp(`${expected}.*${digestOf('evil')}`)),
      })
      expect(await store.info(expected)).toBeUndefined()
      expect(await store.info(digestOf('evil'))).toBeUndefined()
      expect(await fixture.leftovers()).toBe(0)
    })

    it.each([
      ['short', 9],
      ['longer', 5],
    ])('refuses content of another size (%s)', async (text, size) => {
      const { store } = fixture
      await expect(store.write(chunks(text), { digest: digestOf(text), size })).rejects.toMatchObject({
        kind: 'data_loss',
      })
      expect(await store.info(digestOf(text))).toBeUndefined()
      expect(await fixture.leftovers()).toBe(0)
    })

    it('does not read the source of a blob that is here', async () => {
      const { store } = fixture
      await store.write(chunks('a'))
      const source = failing()
      expect(await store.write(source, { digest: digestOf('a') })).toEqual({ digest: digestOf('a'), size: 1 })
    })

    it('keeps nothing when the source fails or the signal aborts', async () => {
      const { store } = fixture
      await expect(store.write(failing('part'))).rejects.toThrow('source failed')
      await expect(store.write(chunks('x'), {}, { signal: AbortSignal.abort() })).rejects.toThrow()
      expect(await fixture.leftovers()).toBe(0)
    })

    it('takes two writers of one blob at once', async () => {
      const { store } = fixture
      const both = await Promise.all([store.write(chunks('same')), store.write(chunks('same'))])
      expect(both[0]).toEqual(both[1])
      expect(await fixture.leftovers()).toBe(0)
    })

    it('keeps no chunk when it asks for the next', async () => {
      const { store } = fixture
      const { digest, size } = await store.write(reusing('first ', 'second ', 'third'))
      expect(digest).toBe(digestOf('first second third'))
      expect(Buffer.from(await store.read(digest)).toString()).toBe('first second third')
      expect(size).toBe(18)
    })

    it('says not_found for what is not here', async () => {
      const { store } = fixture
      await expect(store.read(digestOf('absent'))).rejects.toMatchObject({ kind: 'not_found' })
      await expect(textOf(store.open(digestOf('absent')))).rejects.toMatchObject({ kind: 'not_found' })
    })

    it('refuses digests that are not plain sha256', async () => {
      await expect(fixture.store.info('sha256:../../etc/passwd')).rejects.toMatchObject({
        kind: 'invalid_argument',
      })
    })

    it('walks and deletes', async () => {
      const { store } = fixture
      const { digest } = await store.write(chunks('a'))
      await store.write(chunks('bb'))
      expect((await all(store.walk())).map((blob) => blob.size).sort()).toEqual([1, 2])
      await store.delete(digest)
      await store.delete(digest)
      expect((await all(store.walk())).map((blob) => blob.size)).toEqual([2])
    })
  })
}

async function* chunks(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

/** All in one buffer, as a file is read. */
async function* reusing(...texts: string[]): AsyncIterable<Uint8Array> {
  const buffer = Buffer.alloc(16)
  for (const text of texts) {
    yield buffer.subarray(0, buffer.write(text))
    buffer.fill('!')
  }
}

async function* failing(...texts: string[]): AsyncIterable<Uint8Array> {
  yield* chunks(...texts)
  throw new Error('source failed')
}

function digestOf(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await all(stream)).toString()
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
