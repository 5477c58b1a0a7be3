import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pack } from 'tar-stream'
import { appletNames } from './busybox.ts'
import { ARCH, type Arch, SOURCE_DATE_EPOCH } from './packages.ts'

export interface WelcomeSources {
  readonly arch: Arch
  readonly busybox: string
  /** The recipe's page and start script. */
  readonly files: string
}

interface TarFile {
  readonly name: string
  readonly mode?: number
  readonly data?: string | Buffer
  readonly link?: string
}

/** The image `slipway/welcome:latest` in the format of `docker save`: busybox and a web server with one page. */
export async function welcomeImage({ arch, busybox, files }: WelcomeSources): Promise<Buffer> {
  const program = await readFile(busybox)
  const applets = appletNames(program).filter((name) => name !== 'busybox')
  const layer = await tar([
    ...['bin', 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sys', 'usr', 'var', 'www'].map((name) => ({
      name: `${name}/`,
    })),
    { name: 'tmp/', mode: 0o1777 },
    { name: 'sbin', link: 'bin' },
    { name: 'usr/bin', link: '../bin' },
    { name: 'usr/sbin', link: '../bin' },
    { name: 'bin/busybox', mode: 0o755, data: program },
    ...applets.map((name) => ({ name: `bin/${name}`, link: 'busybox' })),
    { name: 'bin/welcome', mode: 0o755, data: await readFile(join(files, 'start')) },
    { name: 'etc/passwd', data: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' },
    { name: 'etc/group', data: 'root:x:0:\nnogroup:x:65534:\n' },
    { name: 'www/index.html', data: await readFile(join(files, 'index.html')) },
  ])
  const config = JSON.stringify(imageConfig(arch, sha256(layer)))
  const id = sha256(config)
  const manifest = [
    { Config: `${id}.json`, RepoTags: ['slipway/welcome:latest'], Layers: [`${sha256(layer)}/layer.tar`] },
  ]
  return await tar([
    { name: `${id}.json`, data: config },
    { name: `${sha256(layer)}/` },
    { name: `${sha256(layer)}/VERSION`, data: '1.0' },
    { name: `${sha256(layer)}/layer.tar`, data: layer },
    { name: 'manifest.json', data: JSON.stringify(manifest) },
  ])
}

function imageConfig(arch: Arch, diffId: string): unknown {
  const created = new Date(SOURCE_DATE_EPOCH * 1000).toISOString()
  return {
    architecture: ARCH[arch].oci,
    os: 'linux',
    created,
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: ['/bin/welcome'],
      WorkingDir: '/',
      ExposedPorts: { '80/tcp': {} },
      Labels: {
        'org.opencontainers.image.title': 'slipway/welcome',
        'org.opencontainers.image.description': 'A first container: busybox with a web server and one page',
      },
    },
    history: [
      { created, created_by: 'COPY busybox and its applets /bin' },
      { created, created_by: 'CMD ["/bin/welcome"]', empty_layer: true },
    ],
    rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
  }
}

async function tar(files: readonly TarFile[]): Promise<Buffer> {
  const archive = pack()
  const mtime = new Date(SOURCE_DATE_EPOCH * 1000)
  const owner = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime }
  for (const { name, mode, data, link } of files) {
    if (link !== undefined) archive.entry({ ...owner, name, type: 'symlink', linkname: link, mode: 0o777 })
    else if (data === undefined) archive.entry({ ...owner, name, type: 'directory', mode: mode ?? 0o755 })
    else archive.entry({ ...owner, name, mode: mode ?? 0o644 }, data)
  }
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
