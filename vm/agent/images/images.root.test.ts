/** The image service against a real registry and a real overlayfs. Root, Node 26 with --experimental-ffi. */
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import * as zlib from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drain, type Engine, makeEngine, once, startRegistry, tarOf } from './engine.fixture.ts'

const TREE = `
  mkdir -p bin etc tmp; chmod 1777 tmp; echo hello >etc/motd; ln etc/motd etc/motd2; ln -s motd etc/link
  cp /bin/true bin/true; chown 7:8 etc/motd; chmod 4755 bin/true; mknod etc/null c 1 3; mkfifo etc/pipe`

const registry = await startRegistry()

describe.skipIf(!registry || process.getuid?.() !== 0)('images', () => {
  let maker: Engine
  let puller: Engine
  const host = registry?.host ?? ''

  beforeAll(async () => {
    maker = await makeEngine()
    puller = await makeEngine()
    await maker.images.import(once(await tarOf(TREE)), {
      reference: 'tree:1',
      changes: ['ENV A=1 B="x y"', 'CMD ["true"]'],
    })
    await maker.images.tag('tree:1', `${host}/me/tree:1`)
    await drain(maker.images.push(`${host}/me/tree:1`, {}))
  })
  afterAll(async () => {
    await maker[Symbol.asyncDispose]()
    await puller[Symbol.asyncDispose]()
    await registry?.[Symbol.asyncDispose]()
  })

  it('pulls what was pushed, says what dockerd says, and mounts it with every attribute', async () => {
    const reference = `${host}/me/tree:1`
    const messages = await drain(puller.images.pull(reference, {}))
    const statuses = [...new Set(messages.map(({ status }) => status?.replace(/sha256:\w+/, 'X')))]
    expect(statuses[0]).toBe('Pulling from me/tree')
    expect(statuses).toEqual(
      expect.arrayContaining([
        'Pulling fs layer',
        'Downloading',
        'Verifying Checksum',
        'Download complete',
        'Pull complete',
      ]),
    )
    expect(statuses.slice(-2)).toEqual(['Digest: X', `Status: Downloaded newer image for ${reference}`])
    const { snapshot, config } = await puller.images.resolve(reference)
    expect(config.config).toMatchObject({ Env: ['A=1', 'B=x y'], Cmd: ['true'] })
    const target = join(puller.root, 'mnt')
    await mkdir(target)
    for (const mount of await puller.snapshots.mounts(snapshot ?? '', target)) puller.kernel.mount(mount)
    try {
      const listing = execFileSync(
        'stat',
        [
          '-c',
          '%n %a %u:%g %F %h',
          'etc/motd',
          'etc/motd2',
          'etc/link',
          'etc/null',
          'etc/pipe',
          'bin/true',
          'tmp',
        ],
        { cwd: target },
      )
      expect(listing.toString().trim().split('\n')).toEqual([
        'etc/motd 644 7:8 regular file 2',
        'etc/motd2 644 7:8 regular file 2',
        'etc/link 777 0:0 symbolic link 1',
        'etc/null 644 0:0 character special file 1',
        'etc/pipe 644 0:0 fifo 1',
        'bin/true 4755 0:0 regular file 1',
        'tmp 1777 0:0 directory 2',
      ])
      expect(await readFile(join(target, 'etc/link'), 'utf8')).toBe('hello\n')
    } finally {
      puller.kernel.unmount(target)
    }
  })

  it('finds it up to date the second time', async () => {
    const statuses = (await drain(puller.images.pull(`${host}/me/tree:1`, {}))).map(({ status }) => status)
    expect(statuses).toEqual([
      'Pulling from me/tree',
      expect.stringMatching(/^Digest: sha256:/),
      `Status: Image is up to date for ${host}/me/tree:1`,
    ])
  })

  it('tells the platform of a name in its registry', async () => {
    const { config } = await maker.images.resolve('tree:1')
    expect(await puller.images.distribution(`${host}/me/tree:1`, {})).toMatchObject({
      Descriptor: { digest: expect.stringMatching(/^sha256:/) },
      Platforms: [{ os: 'linux', architecture: config.architecture }],
    })
  })

  it('says what is not there in the words of dockerd', async () => {
    await expect(drain(puller.images.pull(`${host}/me/none`, {}))).rejects.toMatchObject({
      kind: 'not_found',
      message: `manifest for ${host}/me/none:latest not found: manifest unknown: manifest unknown`,
    })
    await expect(drain(puller.images.pull('127.0.0.1:1/x', {}))).rejects.toThrow(
      'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    )
    await expect(puller.images.inspect('nosuch')).rejects.toMatchObject({
      kind: 'not_found',
      message: 'No such image: nosuch:latest',
    })
  })

  it('commits the changes of a snapshot, with whiteouts, and packs the same layer again for save', async () => {
    const parent = await puller.images.resolve(`${host}/me/tree:1`)
    await puller.snapshots.prepare('c1', parent.snapshot)
    const target = join(puller.root, 'c1')
    await mkdir(target)
    for (const mount of await puller.snapshots.mounts('c1', target)) puller.kernel.mount(mount)
    execFileSync(
      'sh',
      ['-ec', 'rm etc/motd; echo new >new; rm -r tmp; mkdir tmp; echo x >tmp/x; mv bin/true bin/yes'],
      { cwd: target },
    )
    puller.kernel.unmount(target)
    const options = { snapshot: 'c1', parent, config: parent.config.config ?? {} }
    const id = await puller.images.commit({ ...options, reference: 'changed:1', comment: 'why' })
    expect((await puller.images.history('changed:1')).map(({ Id, Comment }) => [Id, Comment])).toEqual([
      [id, 'why'],
      [parent.id, 'Imported from -'],
    ])
    const other = await makeEngine()
    try {
      await drain(other.images.load(puller.images.save(['changed:1'], {}), {}))
      const { snapshot } = await other.images.resolve('changed:1')
      const mounted = join(other.root, 'mnt')
      await mkdir(mounted)
      for (const mount of await other.snapshots.mounts(snapshot ?? '', mounted)) other.kernel.mount(mount)
      const files = execFileSync('find', ['.', '-type', 'f'], { cwd: mounted })
        .toString()
        .trim()
        .split('\n')
        .sort()
      other.kernel.unmount(mounted)
      expect(files).toEqual(['./bin/yes', './etc/motd2', './new', './tmp/x'])
    } finally {
      await other[Symbol.asyncDispose]()
    }
    await puller.snapshots.remove('c1')
    expect(await puller.images.remove('changed:1', {})).toEqual([
      { Untagged: 'changed:1' },
      { Deleted: id },
      { Deleted: expect.stringMatching(/^sha256:/) },
    ])
  })

  it('makes an image whole whose parent is removed meanwhile, or none', async () => {
    await using mine = await makeEngine()
    await mine.images.import(once(await tarOf('echo base >base')), { reference: 'base:1' })
    const parent = await mine.images.resolve('base:1')
    await mine.snapshots.prepare('work', parent.snapshot)
    await writeFile(join(await mine.snapshots.upperDir('work'), 'more'), 'more')
    await mine.images.remove('base:1', {})
    await mine.images.commit({ snapshot: 'work', parent, config: {}, reference: 'child:1' })
    await mine.snapshots.remove('work')
    await mine.images.prune({})
    expect(await mine.images.list({})).toMatchObject([{ RepoTags: ['child:1'], Size: 9, ParentId: '' }])
    expect(await mine.images.layersSize()).toBe(9)
    const { snapshot } = await mine.images.resolve('child:1')
    expect(await mine.snapshots.layerDirs(snapshot ?? '')).toHaveLength(2)
    await mine.images.remove('child:1', {})
    await expect(
      mine.images.commit({ snapshot: undefined, parent, config: {}, reference: 'orphan:1' }),
    ).rejects.toMatchObject({ kind: 'not_found' })
    expect(await mine.images.list({ all: true })).toEqual([])
  })

  it('lists images while others go', async () => {
    await using mine = await makeEngine()
    const names = Array.from({ length: 8 }, (_, index) => `going${index}:1`)
    for (const reference of names) {
      await mine.images.import(once(await tarOf(`echo ${reference} >file`)), { reference })
    }
    let gone = false
    const removed = Promise.all(names.map((name) => mine.images.remove(name, {}))).finally(() => {
      gone = true
    })
    while (!gone) {
      await Promise.all([mine.images.list({ all: true, sharedSize: true }), mine.images.layersSize()])
      await setImmediate()
    }
    await removed
  })

  it('applies the same layer once for two pulls at a time, and takes zstd', async () => {
    const both = await makeEngine()
    try {
      await Promise.all([
        drain(both.images.pull(`${host}/me/tree:1`, {})),
        drain(both.images.pull(`${host}/me/tree:1`, {})),
      ])
      const snapshots = []
      for await (const info of both.snapshots.walk()) snapshots.push(info.kind)
      expect(snapshots).toEqual(['committed'])
      // Node 22.15 and newer, which the types in use do not know yet.
      const { zstdCompressSync } = zlib as unknown as { zstdCompressSync: (bytes: Buffer) => Buffer }
      const zstd = once(zstdCompressSync(zlib.gunzipSync(await tarOf('echo z >z'))))
      await both.images.import(zstd, { reference: 'z:1' })
      expect(await both.images.list({ filters: { reference: ['z'] } })).toMatchObject([
        { RepoTags: ['z:1'], Size: 2 },
      ])
    } finally {
      await both[Symbol.asyncDispose]()
    }
  })

  it('leaves nothing of a cancelled pull and of a removed image', async () => {
    const empty = await makeEngine()
    try {
      const abort = new AbortController()
      const pulling = (async () => {
        for await (const { status } of empty.images.pull(`${host}/me/tree:1`, { signal: abort.signal })) {
          if (status === 'Pulling fs layer') abort.abort()
        }
      })()
      await expect(pulling).rejects.toThrow()
      expect(await contents(empty)).toEqual({ blobs: [], snapshots: [] })
      await drain(empty.images.pull(`${host}/me/tree:1`, {}))
      await empty.images.remove(`${host}/me/tree:1`, {})
      expect(await contents(empty)).toEqual({ blobs: [], snapshots: [] })
    } finally {
      await empty[Symbol.asyncDispose]()
    }
  })

  it.each([
    ['.. paths', ['tar', '-cPf', '-', '--transform', 's,etc,../etc,', 'etc/hostname'], '"../etc/hostname"'],
  ])(
    'refuses a layer with %s, names the entry and keeps nothing',
    async (_what, [program = '', ...args], named) => {
      const victim = await makeEngine()
      try {
        const tar = execFileSync(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] })
        await expect(victim.images.import(once(tar), {})).rejects.toThrow(named)
        const left = []
        for await (const info of victim.snapshots.walk()) left.push(info.name)
        expect(left).toEqual([])
      } finally {
        await victim[Symbol.asyncDispose]()
      }
    },
  )

  it('refuses to remove what a container uses, and what others stand on', async () => {
    const used = await makeEngine({ users: () => [{ id: 'f'.repeat(64), name: 'web', running: true }] })
    try {
      const id = await used.images.import(once(await tarOf('echo a >a')), { reference: 'a:1' })
      await expect(used.images.remove('a:1', {})).rejects.toMatchObject({
        kind: 'conflict',
        message: `conflict: unable to remove repository reference "a:1" (must force) - container ffffffffffff is using its referenced image ${id.slice(7, 19)}`,
      })
      await expect(used.images.remove(id, { force: true })).rejects.toMatchObject({
        message: `conflict: unable to delete ${id.slice(7, 19)} (cannot be forced) - image is being used by running container ffffffffffff`,
      })
    } finally {
      await used[Symbol.asyncDispose]()
    }
  })
})

async function contents(engine: Engine): Promise<{ blobs: string[]; snapshots: string[] }> {
  const snapshots: string[] = []
  for await (const { name } of engine.snapshots.walk()) snapshots.push(name)
  return { blobs: await readdir(join(engine.root, 'content/blobs/sha256')), snapshots }
}
