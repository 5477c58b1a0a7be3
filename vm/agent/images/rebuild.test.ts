import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FileContentStore } from '../content/file-store.ts'
import type { Digest } from '../content/store.ts'
import { OverlaySnapshotter } from '../snapshots/overlay.ts'
import { sha256 } from './chain.ts'
import { Collector } from './gc.ts'
import { Leases } from './leases.ts'
import { MediaType } from './media-types.ts'
import { rebuild } from './rebuild.ts'
import { ImageStore } from './store.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rebuild-'))
  await mkdir(join(root, 'images'))
})
afterEach(() => rm(root, { recursive: true }))

function parts() {
  return {
    store: new ImageStore(join(root, 'images', 'images.json')),
    content: new FileContentStore(join(root, 'content')),
    snapshots: new OverlaySnapshotter({ root: join(root, 'snapshots') }),
    leases: new Leases(),
  }
}

const write = async (content: FileContentStore, value: unknown) =>
  (await content.write(once(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))))).digest

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

const configOf = (...diffIds: Digest[]) => ({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: diffIds },
})

it('keeps every whole image through a damaged list, this start and the next ones', async () => {
  const { content, snapshots } = parts()
  const diffId = sha256('plain')
  await snapshots.prepare('a', undefined)
  await snapshots.commit(diffId, 'a')
  const layer = await write(content, 'compressed layer')
  const id = await write(content, configOf(diffId))
  const manifest = await write(content, {
    schemaVersion: 2,
    mediaType: MediaType.DOCKER_MANIFEST,
    config: { mediaType: MediaType.DOCKER_CONFIG, digest: id, size: 1 },
    layers: [{ mediaType: MediaType.DOCKER_LAYER_GZIP, digest: layer, size: 16 }],
  })
  const halfMade = await write(content, configOf(sha256('not unpacked')))
  await write(content, '{"some": "other JSON"}')
  await writeFile(join(root, 'images', 'images.json'), '{"version":1,"imag\0')

  const first = parts()
  expect(await first.store.load()).toEqual({ damaged: true })
  expect(await rebuild(first)).toBe(1)
  const record = first.store.state.images.get(id)
  expect(record?.layers).toMatchObject([{ diffId, blob: { digest: layer } }])
  expect(record?.manifests).toMatchObject([{ digest: manifest, mediaType: MediaType.DOCKER_MANIFEST }])
  expect(await readFile(join(root, 'images', 'images.json.damaged'), 'utf8')).toContain('imag')

  const next = parts()
  expect(await next.store.load()).toEqual({ damaged: false })
  await new Collector(next).recover()
  expect(await next.snapshots.stat(diffId)).toBeDefined()
  for (const kept of [id, layer, manifest]) expect(await next.content.info(kept)).toBeDefined()
  expect(await next.content.info(halfMade)).toBeUndefined()
})

it('a run that dies before it has rebuilt the list finds it damaged again', async () => {
  await writeFile(join(root, 'images', 'images.json'), 'x')
  expect(await parts().store.load()).toEqual({ damaged: true })
  expect(await parts().store.load()).toEqual({ damaged: true })
})
