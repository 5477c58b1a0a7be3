import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BZIP2, XZ, ZSTD } from '../fixtures/compressed.ts'
import { layerTar } from '../fixtures/oci.ts'
import type { Result } from '../fixtures/slipway.ts'
import { type Context, context } from './context.ts'

let c: Context
let folder: string
let count = 0
beforeAll(async () => {
  c = await context()
  folder = await mkdtemp(join(tmpdir(), 'sw-build-'))
  await c.ok('pull', '-q', 'busybox')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A build context of these files. */
async function contextOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const path = join(folder, String(count++))
  for (const [name, data] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), data)
  }
  return path
}

function build(...args: string[]): Promise<Result> {
  return c.dockerWith({ env: { DOCKER_BUILDKIT: '0' } }, 'build', ...args)
}

/** A build that must succeed; what it said. */
async function built(files: Record<string, string | Uint8Array>, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await build(...args, await contextOf(files))
  if (code !== 0) throw new Error(`docker build: exit code ${code}\n${stderr}${stdout}`)
  return stdout
}

/** What no earlier build has in its cache, not that of a try before either. */
const fresh = () => randomBytes(4).toString('hex')

const run = (...args: string[]) => c.ok('run', '--rm', ...args)

test('steps, cache and removal are told as dockerd tells them', async () => {
  const word = fresh()
  const path = await contextOf({
    Dockerfile: `FROM busybox\nENV A=${word}\nCOPY f /f\nRUN cat /f && echo built >/g\nCMD ["cat","/g"]\n`,
    f: 'hello\n',
  })
  const id = ' ---> [0-9a-f]{12}\n'
  const ran = (output = '') =>
    ` ---> Running in [0-9a-f]{12}\n${output} ---> Removed intermediate container [0-9a-f]{12}\n${id}`
  const end = 'Successfully built [0-9a-f]{12}\nSuccessfully tagged bt:latest\n$'
  const containers = await c.ok('ps', '-aq')
  const first = await build('-t', 'bt', path)
  expect(first.stdout).toMatch(
    new RegExp(
      `Step 1/5 : FROM busybox\n${id}Step 2/5 : ENV A=${word}\n${ran()}Step 3/5 : COPY f /f\n${id}Step 4/5 : RUN cat /f && echo built >/g\n${ran('hello\n')}Step 5/5 : CMD \\["cat","/g"\\]\n${ran()}${end}`,
    ),
  )
  expect(await run('bt')).toBe('built')
  const again = (await build('-t', 'bt', path)).stdout
  const cached = ` ---> Using cache\n${id}`
  expect(again).toMatch(
    new RegExp(
      `ENV A=${word}\n${cached}Step 3/5 : COPY f /f\n${cached}Step 4/5 : [^\n]+\n${cached}Step 5/5 : [^\n]+\n${cached}${end}`,
    ),
  )
  expect((await build('--no-cache', '-t', 'bt', path)).stdout).not.toContain('Using cache')
  expect(await c.ok('rmi', 'bt')).toMatch(/^Untagged: bt:latest\n(Deleted: sha256:[0-9a-f]{64}\n?)+$/)
  expect(await c.ok('ps', '-aq')).toBe(containers)
})

test('the cache goes by content, not by time', async () => {
  const dockerfile = 'FROM busybox\nCOPY a /a\nRUN cat /a\n'
  const [one, two] = [fresh(), fresh()]
  await built({ Dockerfile: dockerfile, a: one }, '-t', 'content')
  expect(await built({ Dockerfile: dockerfile, a: one }, '-t', 'content')).toMatch(/(Using cache.*){2}/s)
  expect(await built({ Dockerfile: dockerfile, a: two }, '-t', 'content')).not.toContain('Using cache')
  await c.ok('rmi', 'content')
})

test('several stages: names, numbers, images, --target', async () => {
  const files = {
    Dockerfile: `FROM busybox AS make
RUN echo made >/made
FROM busybox AS unused
RUN echo unused >/unused
FROM busybox
COPY --from=make /made /out/
COPY --from=1 /unused /out/
COPY --from=busybox /bin/busybox /out/bb
`,
  }
  await built(files, '-t', 'stages')
  expect(await run('stages', 'sh', '-c', 'cat /out/made /out/unused; ls /out')).toBe(
    'made\nunused\nbb\nmade\nunused',
  )
  const target = await built(files, '--target', 'make', '-t', 'only')
  expect(target).toMatch(/Step 2\/2 : RUN echo made/)
  const none = await build('--target', 'nosuch', await contextOf(files))
  expect(none).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/target stage "nosuch" could not be found/),
  })
  await c.ok('rmi', 'stages', 'only')
})

test('ARG, ENV, LABEL, USER, WORKDIR, SHELL, HEALTHCHECK and friends reach the image', async () => {
  const files = {
    Dockerfile: `ARG BASE=nosuch
FROM $BASE
ARG VERSION=1
ENV V=\${VERSION} D=\${MISSING:-default}
LABEL a=b
WORKDIR /w/x
WORKDIR y
SHELL ["sh", "-e", "-c"]
RUN echo "$V $D $PWD" >/said
HEALTHCHECK --interval=5s --retries=2 CMD true
STOPSIGNAL SIGINT
EXPOSE 80 53/udp
VOLUME /data
USER nobody
ENTRYPOINT ["cat"]
CMD ["/said"]
`,
  }
  const args = ['--build-arg', 'BASE=busybox', '--build-arg', 'VERSION=7', '--label', 'c=d', '-t', 'words']
  await built(files, ...args)
  expect(await run('words')).toBe('7 default /w/x/y')
  expect(JSON.parse(await c.ok('image', 'inspect', '-f', '{{json .Config}}', 'words'))).toMatchObject({
    Labels: { a: 'b', c: 'd' },
    WorkingDir: '/w/x/y',
    Shell: ['sh', '-e', '-c'],
    Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 5e9, Retries: 2 },
    StopSignal: 'SIGINT',
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Volumes: { '/data': {} },
    User: 'nobody',
  })
  await c.ok('rmi', 'words')
})

test('ONBUILD acts in the child', async () => {
  await built({ Dockerfile: 'FROM busybox\nONBUILD COPY f /f\nONBUILD RUN cat /f >/g\n' }, '-t', 'parent')
  const said = await built({ Dockerfile: 'FROM parent\n', f: 'from the child' }, '-t', 'child')
  expect(said).toContain('# Executing 2 build triggers')
  expect(await run('child', 'cat', '/g')).toBe('from the child')
  await c.ok('rmi', 'child', 'parent')
})

test('COPY: owners, modes, patterns, folders, .dockerignore', async () => {
  const files = {
    Dockerfile: `FROM busybox
COPY --chown=33:nogroup a.txt b.txt /texts/
COPY --chown=redis dir /dir
COPY *.md /md/
`,
    '.dockerignore': 'secret*\n',
    'a.txt': 'a',
    'b.txt': 'b',
    'dir/deep/f': 'f',
    'one.md': '1',
    'two.md': '2',
    'secret.md': 's',
  }
  await built(files, '-t', 'copies')
  const listing = 'stat -c "%n %u:%g" /texts/* /dir/deep/f; ls /md'
  expect(await run('copies', 'sh', '-c', listing)).toBe(
    '/texts/a.txt 33:65534\n/texts/b.txt 33:65534\n/dir/deep/f 101:101\none.md\ntwo.md',
  )
  const missing = await build(await contextOf({ Dockerfile: 'FROM busybox\nCOPY nosuch /x\n' }))
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/COPY failed: .*nosuch/) })
  const out = await build(await contextOf({ Dockerfile: 'FROM busybox\nCOPY ../x /x\n' }))
  expect(out.code).toBe(1)
  await c.ok('rmi', 'copies')
})

test('ADD unpacks archives and fetches URLs', async () => {
  const tar = await layerTar([{ name: 'inside', data: 'unpacked' }])
  const server: Server = createServer((_request, response) => response.end('fetched'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  try {
    await built(
      {
        Dockerfile: `FROM busybox
ADD plain.tar /plain/
ADD packed.tar.gz /packed/
ADD packed.tar.bz2 packed.tar.xz packed.tar.zst /others/
COPY packed.tar.gz /copied.tar.gz
ADD --checksum=sha256:${createHash('sha256').update('fetched').digest('hex')} http://10.0.2.2:${port}/page.txt /pages/
`,
        'plain.tar': tar,
        'packed.tar.gz': gzipSync(tar),
        'packed.tar.bz2': Buffer.from(BZIP2, 'base64'),
        'packed.tar.xz': Buffer.from(XZ, 'base64'),
        'packed.tar.zst': Buffer.from(ZSTD, 'base64'),
      },
      '-t',
      'adds',
    )
    const wrong = `FROM busybox\nADD --checksum=sha256:${'0'.repeat(64)} http://10.0.2.2:${port}/page.txt /\n`
    const refused = await build(await contextOf({ Dockerfile: wrong }))
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('digest mismatch') })
  } finally {
    server.close()
  }
  expect(await run('adds', 'sh', '-c', 'ls /others; cat /others/*')).toBe(
    'bz2\nxz\nzst\nunpackedunpackedunpacked',
  )
  const listing =
    'cat /plain/inside /packed/inside /pages/page.txt; stat -c " %a" /pages/page.txt; test -f /copied.tar.gz'
  expect(await run('adds', 'sh', '-c', listing)).toBe('unpackedunpackedfetched 600')
  await c.ok('rmi', 'adds')
})

test('here-documents of RUN, COPY and ADD', async () => {
  await built(
    {
      Dockerfile: `# syntax=docker/dockerfile:1
# escape=\\
FROM busybox
ARG NAME=there
RUN <<EOF
set -e
x=shell; echo "hello $NAME from the $x" >/a
EOF
RUN <<-'E' cat >/b && cat <<F >>/b
	quoted $x
	E
and more
F
RUN <<P
#!/bin/cat
P
COPY --chmod=640 --chown=33:34 --link <<one <<"two" /docs/
it's $NAME \\$NAME
one
it's $NAME
two
ADD <<-three /docs/named
	tab
	three
`,
    },
    '-t',
    'heredocs',
  )
  const show =
    'cat /a /b /docs/one /docs/two /docs/named; stat -c "%a %u:%g" /docs/one; ls -d /dev/pipes 2>&1'
  expect(await run('heredocs', 'sh', '-c', `${show}; true`)).toBe(
    "hello there from the shell\nquoted $x\nand more\nit's there $NAME\nit's $NAME\ntab\n640 33:34\nls: /dev/pipes: No such file or directory",
  )
  await c.ok('rmi', 'heredocs')
})

test('RUN --mount: cache, tmpfs, bind; nothing of them stays in the image', async () => {
  const id = fresh()
  const dockerfile = (word: string) => `ARG FROM=make
FROM --platform=$BUILDPLATFORM busybox AS make
RUN mkdir /out && echo made >/out/f
FROM busybox
ARG TARGETPLATFORM TARGETARCH
WORKDIR /w
RUN --mount=type=cache,target=/cache/deep,id=${id},uid=5,mode=0711,sharing=locked \\
    echo ${word} >>/cache/deep/f; cat /cache/deep/f; stat -c "%u %a" /cache/deep
RUN --mount=type=tmpfs,target=/t --mount=from=make,source=out,target=/m --mount=target=ctx \\
    --mount=target=rw,rw --mount=type=secret,id=none --network=none \\
    grep ' /t tmpfs' /proc/mounts; cat /m/f ctx/c; echo no >rw/new; ! touch ctx/x; ls /sys/class/net; \\
    echo $TARGETPLATFORM=linux/$TARGETARCH
`
  const first = await built({ Dockerfile: dockerfile('one'), c: 'context' }, '-t', 'mounts')
  expect(first).toMatch(/^one\n5 711$/m)
  expect(first).toMatch(
    /^tmpfs \/t tmpfs .*\nmade\ncontext.*Read-only file system\nlo\nlinux\/(\w+)=linux\/\1$/ms,
  )
  const second = await built({ Dockerfile: dockerfile('two'), c: 'context' }, '-t', 'mounts')
  expect(second).toMatch(/^one\ntwo\n5 711$/m)
  expect(await run('mounts', 'ls', '-a', '/w')).toBe('.\n..')
  expect(
    await c.docker('run', '--rm', 'mounts', 'ls', '-d', '/cache', '/t', '/m', '/run/secrets'),
  ).toMatchObject({
    code: 1,
    stdout: '',
  })
  const refused = await build(
    await contextOf({ Dockerfile: 'FROM busybox\nRUN --mount=type=secret,id=k,required=true true\n' }),
  )
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('secret k: not found') })
  await c.ok('rmi', 'mounts')
})

test('a failing step ends the build with its exit code, in dockerd’s words', async () => {
  const folder = await contextOf({ Dockerfile: 'FROM busybox\nRUN echo >/left; exit 42\n' })
  const result = await build(folder)
  expect(result.code).toBe(42)
  expect(result.stderr).toContain(
    "The command '/bin/sh -c echo >/left; exit 42' returned a non-zero code: 42",
  )
  // Its container stays to be looked at, unless the client wants it to go in any case.
  expect(result.stdout).not.toContain('Removed intermediate container')
  const stayed = await c.ok('ps', '-aq', '--filter', 'exited=42')
  expect(await c.ok('diff', stayed)).toContain('A /left')
  await c.clean(stayed)
  expect((await build(folder, '--force-rm')).stdout).toContain('Removed intermediate container')
  expect(await c.ok('ps', '-aq', '--filter', 'exited=42')).toBe('')
  // One that did well stays when asked for, and can be started.
  const kept = await build(
    await contextOf({ Dockerfile: `FROM busybox\nRUN echo x >/kept; : ${fresh()}\n` }),
    '--rm=false',
    '-t',
    'kept',
  )
  const [, running = ''] = /Running in ([0-9a-f]{12})/.exec(kept.stdout) ?? []
  expect(kept.stdout).not.toContain('Removed intermediate container')
  expect(await c.ok('run', '--rm', 'kept', 'cat', '/kept')).toBe('x')
  await c.ok('start', '-a', running)
  await c.clean(running)
  await c.ok('rmi', 'kept')
  const unknown = await build(await contextOf({ Dockerfile: 'FROM busybox\nNOSUCH x\n' }))
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringMatching(/unknown instruction: NOSUCH/i) })
})

test('the build cache is counted and pruned', async () => {
  await built({ Dockerfile: 'FROM busybox\nRUN echo cached >/c\nRUN echo more >/d\n' }, '-t', 'cached')
  await c.ok('rmi', 'cached')
  const size = (await c.ok('system', 'df', '--format', '{{.Type}} {{.TotalCount}}')).split('\n')
  expect(size.find((line) => line.startsWith('Build Cache'))).toMatch(/^Build Cache \d+$/)
  const pruned = await c.dockerWith({ env: { DOCKER_BUILDKIT: '0' } }, 'builder', 'prune', '-af')
  expect(pruned).toMatchObject({ code: 0, stdout: expect.stringMatching(/Total/) })
  const left = (await c.ok('system', 'df', '--format', '{{.Type}} {{.TotalCount}}')).split('\n')
  expect(left).toContain('Build Cache 0')
})
