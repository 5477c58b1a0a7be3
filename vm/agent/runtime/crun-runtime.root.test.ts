/**
 * The runtime on a real kernel with real conmon and crun: bundled to one file and run inside the machine as root with
 * `node --experimental-ffi --test`. SLIPWAY_TEST_DIR: an empty folder on a disk file system.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ContainerConfig, HostConfig } from '../../api/containers.ts'
import { EngineError } from '../../api/errors.ts'
import { LibcKernel } from '../linux/libc.ts'
import { Cgroup } from './cgroup.ts'
import { CrunRuntime } from './crun-runtime.ts'
import { hostDevices, mapDevices } from './devices.ts'
import { bindMount } from './mounts.ts'
import type { OciSpec } from './oci.ts'
import { execProcess } from './process.ts'
import { mountSharedShm } from './shm.ts'
import { buildSpec } from './spec.ts'
import type { SpecFacts } from './spec-input.ts'
import { readUsage } from './stats.ts'
import type { CrunTask } from './task.ts'
import { resolveUser } from './user.ts'

const base = await mkdtemp(join(process.env['SLIPWAY_TEST_DIR'] ?? tmpdir(), 'runtime-'))
const runDir = await mkdtemp('/run/runtime-test-')
const kernel = new LibcKernel()
const runtime = new CrunRuntime({ runDir, kernel })
const rootfs = await makeRootfs()
let count = 0

after(async () => {
  await runtime[Symbol.asyncDispose]()
  assert.deepEqual(await readdir(join(runDir, 'exits')), [])
  assert.deepEqual(await readdir(join(runDir, 'execs')), [])
  assert.deepEqual(
    (await readdir(join(runDir, 'crun'))).filter((name) => name !== '.cache'),
    [],
  )
  kernel.unmount(join(runDir, 'crun-sealed'))
  await Promise.all([base, runDir].map((path) => rm(path, { recursive: true })))
})

async function makeRootfs(): Promise<string> {
  const root = join(base, 'rootfs')
  for (const folder of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp'])
    await mkdir(join(root, folder), { recursive: true })
  await copyFile('/usr/bin/busybox', join(root, 'bin/busybox'))
  const applets =
    'sh true cat echo sleep id env tty stty hostname ls grep mount ulimit kill ps head printf dd wc unshare nproc mkdir'
  for (const applet of applets.split(' ')) await symlink('busybox', join(root, 'bin', applet))
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n')
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nweb:x:33:\nextra:x:77:web\n')
  await writeFile(join(root, 'plain'), 'not a program', { mode: 0o644 })
  return root
}

interface Setup {
  bundle: string
  logPath: string
  id: string
  spec: OciSpec
}

async function setup(
  config: ContainerConfig,
  hostConfig: HostConfig = {},
  more: Partial<SpecFacts> = {},
): Promise<Setup> {
  const id = `${(++count).toString(16)}`.padStart(64, 'c')
  const bundle = join(runDir, 'bundles', id)
  await mkdir(bundle, { recursive: true })
  const files = {
    passwd: await readFile(join(rootfs, 'etc/passwd'), 'utf8'),
    group: await readFile(join(rootfs, 'etc/group'), 'utf8'),
  }
  const spec = buildSpec({
    id,
    config,
    hostConfig,
    facts: {
      arch: process.arch === 'arm64' ? 'arm64' : 'amd64',
      rootfs,
      hostname: id.slice(0, 12),
      user: resolveUser(config.User ?? '', files, hostConfig.GroupAdd ?? []),
      mounts: [],
      initPath: '/usr/bin/tini-static',
      support: { ioWeight: false, swap: existsSync('/sys/fs/cgroup/slipway/memory.swap.max') },
      cpus: 2,
      ...more,
    },
  })
  return { id, bundle, spec, logPath: join(bundle, 'log') }
}

async function create(
  config: ContainerConfig,
  hostConfig: HostConfig = {},
  more: Partial<SpecFacts> = {},
): Promise<CrunTask & { log: () => Promise<string> }> {
  const made = await setup(config, hostConfig, more)
  const task = await runtime.create({
    ...made,
    tty: config.Tty === true,
    openStdin: config.OpenStdin === true,
    stdinOnce: config.StdinOnce === true,
  })
  return Object.assign(task, { log: () => readFile(made.logPath, 'utf8').then(contents) })
}

/** The log without times and tags. */
function contents(log: string): string {
  const lines = log.split('\n').filter(Boolean)
  return lines
    .map((line) => line.split(' ').slice(3).join(' ') + (line.split(' ')[2] === 'F' ? '\n' : ''))
    .join('')
}

async function run(config: ContainerConfig, hostConfig: HostConfig = {}, more: Partial<SpecFacts> = {}) {
  const task = await create(config, hostConfig, more)
  await task.start()
  const { exitCode } = await task.wait()
  const out = await task.log()
  await task.delete()
  return { code: exitCode, out }
}

/** Looks until what is looked for is there; nothing here has a time that a busy machine could keep. */
async function until(there: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await there())) {
    assert.ok(Date.now() < deadline, `nothing came within a minute: ${there}`)
    await sleep(50)
  }
}

const sh = (script: string): ContainerConfig => ({ Cmd: ['sh', '-c', script] })
const read = async (stream: Readable): Promise<string> => text(stream)

test('runs a program: output, exit code, nothing left', async () => {
  assert.deepEqual(await run(sh('echo out; exit 3')), { code: 3, out: 'out\n' })
  assert.deepEqual(await run({ Cmd: ['sh', '-c', 'pwd'], WorkingDir: '/made/by/crun' }), {
    code: 0,
    out: '/made/by/crun\n',
  })
  const cgroups = await readdir('/sys/fs/cgroup/slipway', { withFileTypes: true })
  assert.deepEqual(
    cgroups.filter((entry) => entry.isDirectory()),
    [],
  )
})

test('how long create, start, exit and delete take', async () => {
  for (let round = 0; round < 3; round++) {
    const marks = [performance.now()]
    const mark = () => marks.push(performance.now())
    const task = await create({ Cmd: ['true'] })
    mark()
    await task.start()
    mark()
    await task.wait()
    mark()
    await task.delete()
    mark()
    const steps = marks.slice(1).map((time, index) => (time - (marks[index] ?? 0)).toFixed(0))
    console.log(`create ${steps[0]} ms, start ${steps[1]} ms, exit ${steps[2]} ms, delete ${steps[3]} ms`)
  }
})

test("a program that is not there or not executable is told in Docker's words", async () => {
  const failing = async (config: ContainerConfig) => {
    const made = await setup(config)
    const error = await runtime.create({ ...made, tty: false, openStdin: false }).then(
      () => undefined,
      (failure: unknown) => failure,
    )
    assert.ok(error instanceof EngineError)
    return [error.kind, error.message.replace(/.*container init: /, ''), error.details?.['exitCode']]
  }
  const kind = 'invalid_argument'
  assert.deepEqual(await failing({ Cmd: ['nosuch'] }), [
    kind,
    'exec: "nosuch": executable file not found in $PATH',
    127,
  ])
  assert.deepEqual(await failing({ Cmd: ['/no/such'] }), [
    kind,
    'exec: "/no/such": stat /no/such: no such file or directory',
    127,
  ])
  assert.deepEqual(await failing({ Cmd: ['/plain'] }), [kind, 'exec: "/plain": permission denied', 126])
  assert.deepEqual(await failing({ Cmd: ['/etc'] }), [
    kind,
    'exec: "/etc": is a directory: permission denied',
    126,
  ])
})

test('signals: 128 + n; a second kill finds nothing', async () => {
  const task = await create({ Cmd: ['sleep', '1000'] })
  await task.start()
  await task.kill(9)
  const { exitCode, oomKilled } = await task.wait()
  assert.deepEqual([exitCode, oomKilled], [137, false])
  await assert.rejects(task.kill(9), { kind: 'not_found' })
  await task.delete()
  await task.delete()
})

test('a created task that never starts can be killed', async () => {
  const task = await create({ Cmd: ['true'] })
  await task.kill(9)
  assert.equal((await task.wait()).exitCode, 137)
  await assert.rejects(task.start(), { kind: 'unavailable' })
  await task.delete()
})

test('delete ends what still runs', async () => {
  const running = await create({ Cmd: ['sleep', '1000'] })
  await running.start()
  await running.delete()
  const created = await create({ Cmd: ['sleep', '1000'] })
  await created.delete()
  assert.equal((await running.wait()).exitCode, 137)
  await assert.rejects(
    running.exec({ process: (await setup({ Cmd: ['true'] })).spec.process, tty: false, stdin: false }),
    { kind: 'conflict' },
  )
})

test('input that nobody reads harms nobody', async () => {
  const task = await create({ Cmd: ['true'], OpenStdin: true, StdinOnce: true })
  const stdin = task.openStdin()
  await task.start()
  stdin.end(Buffer.alloc(1_000_000))
  assert.equal((await task.wait()).exitCode, 0)
  await task.delete()
})

test('stdin: all of it arrives, then EOF', async () => {
  const task = await create({ Cmd: ['sh', '-c', 'wc -c'], OpenStdin: true, StdinOnce: true })
  const stdin = task.openStdin()
  stdin.write('early ')
  await task.start()
  const block = Buffer.alloc(100_000, 'x')
  for (let i = 0; i < 30; i++)
    if (!stdin.write(block)) await new Promise((resolve) => stdin.once('drain', resolve))
  stdin.end()
  assert.equal((await task.wait()).exitCode, 0)
  assert.equal(await task.log(), '3000006\n')
  await task.delete()
})

test('a client that only writes does not stop the output', async () => {
  const task = await create({
    Cmd: [
      'sh',
      '-c',
      'dd if=/dev/zero bs=1024 count=4096 2>/dev/null | wc -c; head -c 3000000 /dev/zero >&2; echo end',
    ],
    OpenStdin: true,
  })
  const stdin = task.openStdin()
  stdin.write('x')
  await task.start()
  assert.equal((await task.wait()).exitCode, 0)
  const log = await task.log()
  assert.deepEqual(
    [log.includes('4194304\n'), log.includes('end\n'), log.length > 3_000_000],
    [true, true, true],
  )
  stdin.destroy()
  await task.delete()
})

test('stdin stays open for the next client without StdinOnce', async () => {
  const task = await create({ Cmd: ['sh', '-c', 'read a; echo $a; read b; echo $b'], OpenStdin: true })
  await task.start()
  const first = task.openStdin()
  await new Promise<void>((resolve) => first.end('one\n', resolve))
  await until(async () => (await task.log()) === 'one\n')
  const second = task.openStdin()
  second.end('two\n')
  await task.wait()
  assert.equal(await task.log(), 'one\ntwo\n')
  await task.delete()
})

/** Waits in a shell until its terminal has another size. */
const resized = (before: string) => `until [ "$(stty size)" != "${before}" ]; do sleep 0.1; done`

test('a terminal: size, typing, resize, exit', async () => {
  const task = await create(
    {
      Cmd: ['sh', '-c', `tty; stty size; ${resized('30 90')}; stty size; read line; echo got $line`],
      Tty: true,
      OpenStdin: true,
    },
    { ConsoleSize: [30, 90] },
  )
  await task.start()
  await until(async () => (await task.log()).includes('30 90'))
  await task.resize({ rows: 40, columns: 100 })
  await until(async () => (await task.log()).includes('40 100'))
  task.openStdin().write('hello\n')
  assert.equal((await task.wait()).exitCode, 0)
  assert.equal((await task.log()).replaceAll('\r', ''), '/dev/pts/0\n30 90\n40 100\nhello\ngot hello\n')
  await task.delete()
})

test('the log can be rotated', async () => {
  const made = await setup(sh('echo one; read x; echo two'))
  const task = await runtime.create({ ...made, tty: false, openStdin: true })
  await task.start()
  await until(async () => contents(await readFile(made.logPath, 'utf8')) === 'one\n')
  await rename(made.logPath, `${made.logPath}.1`)
  await task.reopenLog()
  await until(() => existsSync(made.logPath))
  task.openStdin().end('\n')
  await task.wait()
  assert.equal(contents(await readFile(`${made.logPath}.1`, 'utf8')), 'one\n')
  assert.equal(contents(await readFile(made.logPath, 'utf8')), 'two\n')
  await task.delete()
})

test('pause stops and resume continues', async () => {
  const task = await create(sh('while true; do echo x; sleep 0.1; done'))
  await task.start()
  await until(async () => (await task.log()) !== '')
  await task.pause()
  // The monitor may still have something to write.
  let paused = ''
  const settled = async () => {
    const before = await task.log()
    await sleep(500)
    paused = await task.log()
    return paused === before
  }
  await until(settled)
  await sleep(500)
  assert.equal(await task.log(), paused)
  await task.resume()
  await until(async () => (await task.log()) !== paused)
  await task.kill(9, { all: true })
  await task.wait()
  await task.delete()
})

test('exec: output apart, exit code, stdin, user, words of failure', async () => {
  const made = await setup({ Cmd: ['sleep', '1000'] })
  const task = await runtime.create({ ...made, tty: false, openStdin: false })
  await task.start()
  const exec = (cmd: string[], user = '0') =>
    task.exec({
      process: execProcess(
        made.spec.process,
        { Cmd: cmd },
        resolveUser(user, { passwd: 'web:x:33:33::/srv:\n', group: '' }),
      ),
      tty: false,
      stdin: true,
    })
  const one = await exec(['sh', '-c', 'echo out; echo err >&2; cat; exit 5'])
  one.stdin?.end('typed')
  const [out, err, { exitCode }] = await Promise.all([
    read(one.stdout),
    one.stderr ? read(one.stderr) : '',
    one.wait(),
  ])
  assert.deepEqual([out, err, exitCode], ['out\ntyped', 'err\n', 5])
  const who = await exec(['sh', '-c', 'id -u; echo $HOME; hostname'], 'web')
  who.stdin?.end()
  assert.equal(await read(who.stdout), `33\n/srv\n${made.id.slice(0, 12)}\n`)
  await assert.rejects(exec(['nosuch']), {
    message:
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH',
    details: { exitCode: 127 },
  })
  for (let round = 0; round < 3; round++) {
    const started = performance.now()
    const quick = await exec(['true'])
    const running = performance.now()
    await quick.wait()
    console.log(
      `exec: running after ${(running - started).toFixed(0)} ms, ended after ${(performance.now() - started).toFixed(0)} ms`,
    )
  }
  const deaf = await exec(['true'])
  deaf.stdin?.end(Buffer.alloc(1_000_000))
  assert.equal((await deaf.wait()).exitCode, 0)
  const forking = await exec(['sh', '-c', 'sleep 600 & echo forked'])
  const late = performance.now()
  assert.equal((await forking.wait()).exitCode, 0)
  assert.ok(performance.now() - late < 60_000)
  const slow = await exec(['sleep', '1000'])
  slow.kill(15)
  assert.equal((await slow.wait()).exitCode, 143)
  await task.kill(9)
  await task.wait()
  await task.delete()
})

test('exec with a terminal: size, typing, resize, end', async () => {
  const made = await setup({ Cmd: ['sleep', '1000'] })
  const task = await runtime.create({ ...made, tty: false, openStdin: false })
  await task.start()
  const process = execProcess(
    made.spec.process,
    {
      Cmd: ['sh', '-c', `tty; stty size; ${resized('24 70')}; stty size; read line; echo got $line; exit 4`],
      Tty: true,
      ConsoleSize: [24, 70],
    },
    resolveUser('', { passwd: undefined, group: undefined }),
  )
  const exec = await task.exec({ process, tty: true, stdin: true })
  let output = ''
  exec.stdout.on('data', (chunk) => {
    output += chunk
  })
  const over = once(exec.stdout, 'end')
  await until(() => output.includes('24 70'))
  exec.resize({ rows: 50, columns: 111 })
  await until(() => output.includes('50 111'))
  exec.stdin?.write('hello\n')
  assert.equal((await exec.wait()).exitCode, 4)
  await over
  assert.equal(output.replaceAll('\r', ''), '/dev/pts/0\n24 70\n50 111\nhello\ngot hello\n')
  await task.kill(9)
  await task.wait()
  await task.delete()
})

test('memory limit: OOM is seen; usage is read; limits change live', async () => {
  const task = await create(
    {
      ...sh(
        'read go; head -c 100000000 /dev/zero | tail -c 90000000 | wc -c; echo x=$(dd if=/dev/zero bs=90000000 count=1 2>/dev/null | wc -c)',
      ),
      OpenStdin: true,
    },
    { Memory: 16 * 1024 * 1024, PidsLimit: 20, NanoCpus: 5e8, Init: true },
  )
  await task.start()
  const cgroup = new Cgroup(task.cgroup)
  const usage = await readUsage(cgroup, task.pid)
  assert.equal(usage?.memory_stats.limit, 16 * 1024 * 1024)
  assert.equal(usage?.pids_stats.limit, 20)
  assert.ok((usage?.cpu_stats.cpu_usage.total_usage ?? 0) > 0)
  await cgroup.update({ PidsLimit: 30, NanoCpus: 2e9, CpuShares: 512 })
  assert.deepEqual(
    [(await cgroup.read('pids.max'))?.trim(), (await cgroup.read('cpu.max'))?.trim()],
    ['30', '200000 100000'],
  )
  task.openStdin().end('\n')
  assert.equal((await task.wait()).oomKilled, true)
  await task.delete()
})

test('the sandbox: read-only paths, no new namespaces, capabilities, limits', async () => {
  const script =
    'echo x > /proc/sys/kernel/hostname; unshare -m true; cat /proc/kcore | wc -c; ulimit -n; grep CapBnd /proc/self/status; grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp; echo ok'
  const { out } = await run(sh(script))
  assert.match(out, /Read-only file system/)
  assert.match(out, /unshare.*Operation not permitted/)
  assert.match(out, /\n0\n1048576\nCapBnd:\t00000000a80425fb\nSeccomp:\t2\n/)
  assert.match(out, /mount.*(denied|not permitted)/)
  const all = await run(
    sh('grep -E "CapBnd|Seccomp:" /proc/self/status; mount -t tmpfs x /tmp && echo mounted'),
    { Privileged: true },
  )
  assert.match(all.out, /CapBnd:\t000001ffffffffff\nSeccomp:\t0\nmounted\n/)
})

test('an agent that comes back finds running and ended tasks', async () => {
  const running = await setup(sh('read line; echo $line; exit 6'))
  const ended = await setup(sh('exit 7'))
  const first = new CrunRuntime({ runDir, kernel })
  await (await first.create({ ...running, tty: false, openStdin: true })).start()
  const other = await first.create({ ...ended, tty: false, openStdin: false })
  await other.start()
  await other.wait()
  await first[Symbol.asyncDispose]()
  const second = new CrunRuntime({ runDir, kernel })
  const done = await second.load({ ...ended, tty: false })
  assert.equal((await done?.wait())?.exitCode, 7)
  const going = await second.load({ ...running, tty: false })
  going?.openStdin().end('still here\n')
  assert.equal((await going?.wait())?.exitCode, 6)
  assert.equal(contents(await readFile(running.logPath, 'utf8')), 'still here\n')
  await going?.delete()
  await done?.delete()
  assert.equal(await second.load({ ...running, tty: false }), undefined)
  await second[Symbol.asyncDispose]()
})

test("what an agent left that died while creating is in nobody's way", async () => {
  const made = await setup({ Cmd: ['sleep', '1000'] })
  const options = { ...made, tty: false, openStdin: false }
  const lost = new CrunRuntime({ runDir, kernel })
  const { pid } = await lost.create(options)
  await lost[Symbol.asyncDispose]()
  await rm(join(made.bundle, 'task.json'))
  const again = await runtime.create(options)
  assert.notEqual(again.pid, pid)
  assert.equal(existsSync(`/proc/${pid}/ns/net`), false)
  await again.delete()
  const other = await new CrunRuntime({ runDir, kernel }).create(options)
  await runtime.sweep(new Set(['another']))
  assert.equal((await other.wait()).exitCode, 137)
  assert.equal(existsSync(other.cgroup), false)
  await other.delete()
})

test('a killed monitor ends the container', async () => {
  const made = await setup({ Cmd: ['sleep', '1000'] })
  const task = await runtime.create({ ...made, tty: false, openStdin: false })
  await task.start()
  const { conmonPid } = JSON.parse(await readFile(join(made.bundle, 'task.json'), 'utf8')) as {
    conmonPid: number
  }
  process.kill(conmonPid, 'SIGKILL')
  assert.equal((await task.wait()).exitCode, 137)
  await task.delete()
  assert.equal(existsSync(task.cgroup), false)
})

test('mounts: binds, read-only ones, tmpfs, a read-only root', async () => {
  const volume = join(base, 'volume')
  await mkdir(volume)
  await writeFile(join(volume, 'file'), 'kept\n')
  const script =
    'cat /data/file /ro/file; echo x > /ro/file; echo y > /data/new; echo z > /run/z; echo w > /new; cat /run/z; grep -c "/dev/shm.*size=2048k" /proc/mounts'
  const mounts = [bindMount(volume, '/data'), bindMount(volume, '/ro', { readonly: true })]
  const { out } = await run(
    sh(script),
    { Tmpfs: { '/run': 'size=1m' }, ReadonlyRootfs: true, ShmSize: 2 << 20 },
    { mounts },
  )
  const errors = out.split('\n').filter((line) => line.includes('Read-only'))
  assert.deepEqual(
    [errors.length, out.split('\n').filter((line) => !line.includes('Read-only'))],
    [2, ['kept', 'kept', 'z', '1', '']],
  )
  assert.equal(await readFile(join(volume, 'new'), 'utf8'), 'y\n')
})

test('users: ids, groups, stdout is theirs', async () => {
  const config = { ...sh('id -u; id -g; id -G; echo $HOME; echo mine > /dev/stdout'), User: 'web' }
  assert.equal((await run(config, { GroupAdd: ['99'] })).out, '33\n33\n33 77 99\n/srv\nmine\n')
})

test('devices: made when asked for, closed otherwise, all when privileged', async () => {
  const mapping = { PathOnHost: '/dev/vda', PathInContainer: '/dev/disk', CgroupPermissions: 'r' }
  const devices = await mapDevices([mapping])
  const script =
    'head -c 4 /dev/disk | wc -c; echo x > /dev/disk; echo x > /dev/null && echo null; ls /dev/vda'
  const { out } = await run(sh(script), {}, { devices })
  assert.match(out, /^4\n/m)
  assert.match(out, /^null\n/m)
  assert.match(out, /\/dev\/disk: Operation not permitted\n/)
  assert.match(out, /\/dev\/vda: No such file or directory\n/)
  const all = await run(
    sh('head -c 4 /dev/vda | wc -c'),
    { Privileged: true },
    { hostDevices: await hostDevices() },
  )
  assert.equal(all.out, '4\n')
  await assert.rejects(mapDevices([{ ...mapping, PathOnHost: '/dev/none' }]), {
    message:
      'error gathering device information while adding custom device "/dev/none": no such file or directory',
  })
})

test("joins another container's namespaces and shares its memory", async () => {
  const first = await setup({ Cmd: ['sleep', '1000'] })
  const shmPath = await mountSharedShm(kernel, first.bundle)
  const other = await create(
    { Cmd: ['sh', '-c', 'echo shared > /dev/shm/x; hostname; sleep 1000'] },
    { IpcMode: 'shareable' },
    { shmPath },
  )
  await other.start()
  await until(async () => (await other.log()) !== '')
  const join = { pid: `/proc/${other.pid}/ns/pid`, ipc: `/proc/${other.pid}/ns/ipc`, network: other.netns }
  const modes = { PidMode: 'container:x', IpcMode: 'container:x', NetworkMode: 'container:x' }
  const { out } = await run(
    sh(
      'cat /dev/shm/x; ps | grep -c "sleep 1000"; ls -l /proc/self/ns/net /proc/1/ns/net | grep -o "net:.*" | wc -l',
    ),
    modes,
    { join, shmPath },
  )
  assert.match(out, /^shared\n[1-9]\n/)
  await other.delete()
  kernel.unmount(shmPath)
})

test('seccomp: a profile of the user, no new privileges', async () => {
  const profile = JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
  })
  const script = 'mkdir /tmp/d; grep -E "Seccomp:|NoNewPrivs" /proc/self/status'
  const { out } = await run(sh(script), { SecurityOpt: [`seccomp=${profile}`, 'no-new-privileges'] })
  // Two pipes: which of them the monitor empties first is its own affair.
  assert.match(out, /mkdir.*Operation not permitted\n/)
  assert.match(out, /NoNewPrivs:\t1\nSeccomp:\t2\n/)
})

test('the runtime that a container is made by cannot be written to', async () => {
  await run({ Cmd: ['true'] })
  assert.throws(() => openSync(join(runDir, 'crun-sealed'), 'r+'), { code: 'EROFS' })
})

test('init reaps and passes signals on', async () => {
  const { out } = await run(sh('cat /proc/1/comm; trap : TERM; echo $$'), { Init: true })
  assert.match(out, /^docker-init\n[2-9]/)
})

test('forty containers, eight at a time, leave nothing', async () => {
  const started = performance.now()
  const queue = Array.from({ length: 40 }, (_, index) => index)
  const worker = async () => {
    for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
      assert.deepEqual(await run(sh(`echo ${index}; exit ${index}`)), { code: index, out: `${index}\n` })
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  console.log(`40 containers: ${((performance.now() - started) / 40).toFixed(0)} ms each`)
  const cgroups = await readdir('/sys/fs/cgroup/slipway', { withFileTypes: true })
  assert.deepEqual(
    cgroups.filter((entry) => entry.isDirectory()),
    [],
  )
})

test('how long the echo of a keystroke takes', async () => {
  const made = await setup({ Cmd: ['sleep', '1000'] })
  const task = await runtime.create({ ...made, tty: false, openStdin: false })
  await task.start()
  const process = execProcess(
    made.spec.process,
    { Cmd: ['cat'], Tty: true },
    made.spec.process.user && { uid: 0, gid: 0, additionalGids: [0], home: '/' },
  )
  const exec = await task.exec({ process, tty: true, stdin: true })
  const times: number[] = []
  for (let round = 0; round < 50; round++) {
    const started = performance.now()
    const echoed = new Promise((resolve) => exec.stdout.once('data', resolve))
    exec.stdin?.write('x')
    await echoed
    times.push(performance.now() - started)
  }
  times.sort((a, b) => a - b)
  console.log(`echo: p50 ${times[25]?.toFixed(1)} ms, p95 ${times[47]?.toFixed(1)} ms`)
  exec.kill(9)
  await exec.wait()
  await task.delete()
})
