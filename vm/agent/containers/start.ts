import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Disposal } from '../../api/disposal.ts'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import { blockDevice, hostDevices, mapDevices } from '../runtime/devices.ts'
import type { OciMount, OciSpec } from '../runtime/oci.ts'
import type { MonitorOptions, Task } from '../runtime/runtime.ts'
import { buildSpec } from '../runtime/spec.ts'
import { type ResolvedUser, resolveUser } from '../runtime/user.ts'
import type { Container } from './container.ts'
import { hostsFile, writeEtc } from './etc-files.ts'
import { checkDeviceRequests } from './host-config.ts'
import { sharedShm } from './ipc.ts'
import { linkedContainers, linkVariables } from './links.ts'
import { rotateIfOld } from './log-files.ts'
import { prepareMounts } from './mount-list.ts'
import { networkKind, primaryAddress } from './network-mode.ts'
import { emit, type Parts } from './parts.ts'
import { wantedPorts } from './port-spec.ts'
import { exitCodeOf, taskFailure } from './runtime-errors.ts'
import { resolveInside } from './safe-path.ts'
import { nowRfc3339 } from './timestamps.ts'

/** What the caller does with a task that runs now: watches its exit, its health, its log. */
export type OnStarted = (container: Container, task: Task) => void

/** Starts under the container's lock. A failure undoes every step, keeps its cause in the state and is thrown. */
export function startContainer(parts: Parts, container: Container, onStarted: OnStarted): Promise<void> {
  return container.lock.run(async () => {
    checkStartable(container)
    container.stopRequested = false
    try {
      checkDeviceRequests(container.record.hostConfig)
      const task = await launch(parts, container)
      onStarted(container, task)
      container.announceStart(task)
      emit(parts, container, 'start')
    } catch (error) {
      await keepFailure(parts, container, error)
      throw error
    }
  })
}

function checkStartable(container: Container): void {
  const { status } = container.state.life
  if (status === 'running') throw new EngineError('not_modified', `Container already started`)
  if (status === 'paused') {
    throw new EngineError('conflict', 'cannot start a paused container, try unpause instead')
  }
  if (status === 'removing' || status === 'dead') {
    throw new EngineError('conflict', 'container is marked for removal and cannot be started')
  }
}

async function keepFailure(parts: Parts, container: Container, error: unknown): Promise<void> {
  const { status } = container.state.life
  if (status === 'running')
    container.move({ type: 'exited', exitCode: 128, oomKilled: false, at: nowRfc3339(), restarting: false })
  container.move({ type: 'failed', exitCode: exitCodeOf(error), error: messageOf(error) })
  container.task = undefined
  await parts.store.save(container.record)
  container.announce('exit', { exitCode: exitCodeOf(error), error: messageOf(error) })
  // Who watches learns that there is a cause to read now.
  emit(parts, container, 'die', { exitCode: String(exitCodeOf(error)) })
}

async function launch(parts: Parts, container: Container): Promise<Task> {
  await using undo = new Disposal()
  const { id } = container
  const bundle = join(parts.runDir, id)
  await mkdir(bundle, { recursive: true, mode: 0o700 })
  undo.push(() => rm(bundle, { recursive: true, force: true }))
  const root = await parts.roots.acquire(id)
  undo.push(() => parts.roots.release(id))
  if (ownsNetwork(container)) {
    parts.namespaces.make(id)
    undo.push(() => parts.namespaces.remove(id))
  }
  const spec = await makeSpec(parts, container, root, undo)
  await rotateIfOld(parts.store.directory(id), container.record)
  container.change({ endpoints: {}, ports: [] })
  // The runtime is told first: it works in a process of its own, so that both are at work at once.
  const creating = createTask(parts, container, bundle, spec, undo)
  const joining = nextTurn().then(() => joinNetworks(parts, container, undo))
  const [joined, created] = await Promise.allSettled([joining, creating])
  if (joined.status === 'rejected') throw joined.reason
  if (created.status === 'rejected') throw created.reason
  const task = created.value
  container.move({ type: 'started', pid: task.pid, at: nowRfc3339() })
  container.change({ bootId: parts.facts.bootId, stoppedByHand: false })
  container.task = task
  await parts.store.save(container.record, { durable: !container.record.hostConfig.AutoRemove })
  try {
    await task.start()
  } catch (error) {
    throw taskFailure(error)
  }
  undo.release()
  return task
}

/** Whether it has a network namespace with cables in it, which is then made by us. */
function ownsNetwork({ record }: Container): boolean {
  return (
    networkKind(record.hostConfig.NetworkMode).type === 'networks' && Object.keys(record.networks).length > 0
  )
}

async function createTask(
  parts: Parts,
  container: Container,
  bundle: string,
  spec: OciSpec,
  undo: Disposal,
): Promise<Task> {
  try {
    const task = await parts.runtime.create({ ...monitorOf(parts, container), bundle, spec })
    undo.push(() => task.delete())
    return task
  } catch (error) {
    throw taskFailure(error)
  }
}

/** What its monitor is told; known from the container's creation on. */
export function monitorOf(parts: Parts, { record }: Container): MonitorOptions {
  return {
    id: record.id,
    bundle: join(parts.runDir, record.id),
    logPath: join(parts.store.directory(record.id), 'log'),
    tty: record.config.Tty ?? false,
    openStdin: record.config.OpenStdin ?? false,
    stdinOnce: record.config.StdinOnce ?? false,
  }
}

async function makeSpec(parts: Parts, container: Container, root: string, undo: Disposal): Promise<OciSpec> {
  const { record } = container
  const { hostConfig: host, config } = record
  await writeEtc(parts.store.directory(record.id), {
    hostname: `${config.Hostname || parts.facts.hostname}\n`,
    hosts: hostsFile(record),
    resolvConf: parts.networks.resolvConf([], dnsOf(record.hostConfig)),
  })
  const mounts: OciMount[] = await prepareMounts(parts, container, root, undo)
  const user = await userOf(root, config.User ?? '', host.GroupAdd ?? [])
  await makeWorkingDirectory(root, config.WorkingDir ?? '', user)
  const shared = joinedNamespaces(parts, container)
  const shmPath = await sharedShm(parts, container, undo)
  const throttled = [
    ...(host.BlkioWeightDevice ?? []),
    ...(host.BlkioDeviceReadBps ?? []),
    ...(host.BlkioDeviceWriteBps ?? []),
    ...(host.BlkioDeviceReadIOps ?? []),
    ...(host.BlkioDeviceWriteIOps ?? []),
  ].map(({ Path }) => Path)
  const numbers = await Promise.all(throttled.map(async (path) => [path, await blockDevice(path)] as const))
  return buildSpec({
    id: record.id,
    config,
    hostConfig: host,
    facts: {
      arch: parts.facts.arch,
      rootfs: root,
      hostname: config.Hostname || parts.facts.hostname,
      linkVariables: linkVariables(parts, container),
      user,
      mounts,
      ...(shared ? { join: shared } : {}),
      ...(shmPath ? { shmPath } : {}),
      ...(parts.facts.initPath ? { initPath: parts.facts.initPath } : {}),
      ...(host.Devices?.length ? { devices: await mapDevices(host.Devices) } : {}),
      ...(host.Privileged ? { hostDevices: await hostDevices() } : {}),
      blockDevices: Object.fromEntries(numbers),
      support: parts.facts.support,
      cpus: parts.facts.cpus,
    },
  })
}

/** Its own network namespace where we made it, and those of other containers that the modes name; they must run. */
function joinedNamespaces(
  parts: Parts,
  container: Container,
): Partial<Record<'pid' | 'ipc' | 'network', string>> | undefined {
  const { hostConfig: host } = container.record
  const join: Partial<Record<'pid' | 'ipc' | 'network', string>> = ownsNetwork(container)
    ? { network: parts.namespaces.path(container.id) }
    : {}
  for (const [kind, mode, file] of [
    ['network', host.NetworkMode, 'net'],
    ['ipc', host.IpcMode, 'ipc'],
    ['pid', host.PidMode, 'pid'],
  ] as const) {
    if (!mode?.startsWith('container:')) continue
    const name = mode.slice('container:'.length)
    const other = parts.table.find(name)
    if (!other) {
      throw new EngineError('not_found', `joining ${kind} namespace of container: No such container: ${name}`)
    }
    if (!other.running || !other.task) {
      const message =
        kind === 'network'
          ? `cannot join network namespace of a non running container: container ${other.name} is ${other.state.life.status}`
          : `failed to join ${kind.toUpperCase()} namespace: container ${other.id} is not running`
      // dockerd answers 500 for a PID namespace, where the others are a conflict.
      throw new EngineError(kind === 'pid' ? 'internal' : 'conflict', message)
    }
    join[kind] = `/proc/${other.task.pid}/ns/${file}`
  }
  return Object.keys(join).length > 0 ? join : undefined
}

/** Who the process runs as, by the container's own passwd and group. */
export async function userOf(
  root: string,
  spec: string,
  groups: readonly string[] = [],
): Promise<ResolvedUser> {
  const read = async (path: string) => {
    const { path: real, exists } = await resolveInside(root, path, { follow: true })
    return exists ? readFile(real, 'utf8') : undefined
  }
  return resolveUser(spec, { passwd: await read('/etc/passwd'), group: await read('/etc/group') }, groups)
}

async function makeWorkingDirectory(root: string, path: string, user: ResolvedUser): Promise<void> {
  if (path === '' || path === '/') return
  const { path: real, exists } = await resolveInside(root, path, { follow: true })
  if (exists) return
  await mkdir(real, { recursive: true, mode: 0o755 })
  if (user.uid !== 0) {
    const { chown } = await import('node:fs/promises')
    await chown(real, user.uid, user.gid)
  }
}

export function dnsOf(host: Container['record']['hostConfig']) {
  return { servers: host.Dns ?? [], search: host.DnsSearch ?? [], options: host.DnsOptions ?? [] }
}

/** Networks, /etc/hosts with the addresses, published ports; all or nothing. */
async function joinNetworks(parts: Parts, container: Container, undo: Disposal): Promise<void> {
  const { record } = container
  const directory = parts.store.directory(record.id)
  const kind = networkKind(record.hostConfig.NetworkMode)
  if (kind.type === 'container') {
    const other = parts.store.directory(parts.table.get(kind.reference).id)
    const [hosts, resolvConf] = await Promise.all([
      readFile(join(other, 'hosts'), 'utf8'),
      readFile(join(other, 'resolv.conf'), 'utf8'),
    ])
    await writeEtc(directory, { hosts, resolvConf })
    return
  }
  if (!ownsNetwork(container)) return
  try {
    undo.push(() => parts.networks.detach(record.id))
    const endpoints = await parts.networks.attach({
      containerId: record.id,
      containerName: record.name,
      hostname: record.config.Hostname ?? '',
      netns: parts.namespaces.path(record.id),
      dnsServers: record.hostConfig.Dns ?? [],
      networks: record.networks,
    })
    container.change({ endpoints })
  } catch (error) {
    throw networkFailure(error)
  }
  await writeEtc(directory, {
    hosts: hostsFile(container.record, linkedContainers(parts, container)),
    resolvConf: parts.networks.resolvConf(Object.keys(container.record.endpoints), dnsOf(record.hostConfig)),
  })
  await publishPorts(parts, container, undo)
}

async function publishPorts(parts: Parts, container: Container, undo: Disposal): Promise<void> {
  const { record } = container
  const wanted = wantedPorts(record.config, record.hostConfig)
  const address = primaryAddress(record)
  if (wanted.length === 0 || !address) return
  undo.push(() => parts.networks.unpublish(record.id))
  try {
    container.change({ ports: await parts.networks.publish(record.id, record.name, address, wanted) })
  } catch (error) {
    const endpoint = Object.values(record.endpoints)[0]?.EndpointID ?? ''
    throw networkFailure(
      error,
      `driver failed programming external connectivity on endpoint ${record.name} (${endpoint}): `,
    )
  }
}

function networkFailure(error: unknown, more = ''): EngineError {
  const details = error instanceof EngineError ? error.details : undefined
  const hint = error instanceof EngineError ? error.hint : undefined
  return new EngineError(kindOf(error), `failed to set up container networking: ${more}${messageOf(error)}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
    details: { ...(kindOf(error) === 'not_found' ? {} : { status: 500 }), ...details },
  })
}
