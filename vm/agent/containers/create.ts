import { randomBytes } from 'node:crypto'
import { posix } from 'node:path'
import type { ContainerConfig, ContainerCreateRequest, HostConfig } from '../../api/containers.ts'
import { Disposal } from '../../api/disposal.ts'
import { EngineError, kindOf, messageOf } from '../../api/errors.ts'
import type { EndpointSettings } from '../../api/networks.ts'
import { refuseOtherPlatform } from '../images/manifest.ts'
import { parsePlatform } from '../images/platform.ts'
import { containerCapabilities } from '../runtime/capabilities.ts'
import { parseSecurityOptions } from '../runtime/security-options.ts'
import { BLANK_CONFIG } from './blank-config.ts'
import { Container } from './container.ts'
import { checkHostConfig, withDefaults } from './host-config.ts'
import { parseLink } from './links.ts'
import { commandLine, mergeConfig } from './merge.ts'
import { resolveMounts } from './mounts.ts'
import { checkName, randomName } from './names.ts'
import { checkNetworkMode, networkKind, wantedNetworks, withMacAddress } from './network-mode.ts'
import { emit, type Parts } from './parts.ts'
import { normalizeKey, parsePortKey, wantedPorts } from './port-spec.ts'
import { type ContainerRecord, RECORD_VERSION } from './record.ts'
import { parseSignal } from './signals.ts'
import { newState } from './state.ts'
import { nowRfc3339 } from './timestamps.ts'

/**
 * Makes a container without starting it. Everything is checked before anything is made; a failure later leaves
 * nothing behind. Errors carry dockerd's words.
 */
export async function createContainer(
  parts: Parts,
  request: ContainerCreateRequest,
  wanted: { name?: string | undefined; platform?: string } = {},
): Promise<{ Id: string; Warnings: string[] }> {
  const { HostConfig: hostRequest, NetworkingConfig, ...own } = request
  const host = hostRequest ?? {}
  const platform = wanted.platform ? parsePlatform(wanted.platform) : undefined
  if (Object.keys(own).length === 0) throw invalid('config cannot be empty in order to create a container')
  const name = wanted.name ? checkName(wanted.name) : undefined
  const warnings = checkRequest(parts, own, host)
  if (!own.Image) {
    if (commandLine(own).length === 0) throw invalid('no command specified')
    throw invalid('no image specified: config cannot be empty in order to create a container')
  }
  const image = await parts.images.resolve(own.Image)
  if (platform) refuseOtherPlatform(own.Image, platform, image.config)
  const config = finishConfig(own, mergeConfig(own, image.config.config ?? {}), host)
  config.WorkingDir = cleanPath(config.WorkingDir ?? '')
  const [path, ...args] = commandLine(config)
  if (!path) throw new EngineError('invalid_argument', 'no command specified')
  checkReferences(parts, host)
  const networks = withMacAddress(
    own.MacAddress ?? undefined,
    host,
    wantedNetworks(host, NetworkingConfig?.EndpointsConfig),
  )
  await checkEndpoints(parts, networks)

  const id = randomBytes(32).toString('hex')
  await using undo = new Disposal()
  const finalName = name ?? randomName((taken) => parts.table.has(taken))
  undo.push(parts.table.reserve(finalName, id))
  const mounts = await resolveMounts({
    config,
    host,
    volumes: parts.volumes,
    images: parts.images,
    folders: parts.folders,
    find: (reference) => parts.table.get(reference),
  })
  undo.push(async () => {
    for (const mount of mounts) {
      if (mount.anonymous && mount.Name) await parts.volumes.remove(mount.Name, { force: true })
    }
  })
  await parts.snapshots.prepare(id, image.snapshot)
  undo.push(() => parts.snapshots.remove(id))
  const record: ContainerRecord = {
    version: RECORD_VERSION,
    id,
    name: finalName,
    created: nowRfc3339(),
    image: image.id,
    config:
      config.Hostname || networkKind(host.NetworkMode).type === 'host'
        ? config
        : { ...config, Hostname: hostnameFor(parts, host, id) },
    hostConfig: withDefaults(host),
    path,
    args,
    mounts,
    networks,
    endpoints: {},
    ports: [],
    state: newState(),
    restartCount: 0,
    stoppedByHand: false,
    bootId: '',
  }
  await parts.store.save(record, { durable: !record.hostConfig.AutoRemove })
  const container = new Container(record)
  parts.table.add(container)
  undo.release()
  emit(parts, container, 'create')
  return { Id: id, Warnings: warnings }
}

function hostnameFor(parts: Parts, host: HostConfig, id: string): string {
  return host.UTSMode === 'host' ? parts.facts.hostname : id.slice(0, 12)
}

/** Everything that can be wrong without looking at image and machine. */
function checkRequest(parts: Parts, config: ContainerConfig, host: HostConfig): string[] {
  const warnings = checkHostConfig(host, parts.facts.support)
  checkNetworkMode(config, host)
  if (config.WorkingDir && !config.WorkingDir.startsWith('/')) {
    throw invalid(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`)
  }
  for (const entry of config.Env ?? []) {
    if (entry === '' || entry.startsWith('=')) throw invalid(`invalid environment variable: ${entry}`)
  }
  // More is no host name to the kernel.
  if (config.Hostname && (config.Hostname.length > 64 || /[\0\n]/.test(config.Hostname))) {
    throw invalid(`invalid hostname format: ${config.Hostname}`)
  }
  if (config.MacAddress) {
    warnings.push(
      'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.',
    )
  }
  if (config.StopSignal) parseSignal(config.StopSignal)
  for (const key of Object.keys(config.ExposedPorts ?? {})) parsePortKey(key)
  wantedPorts(config, host)
  for (const [field, list] of [
    ['CapAdd', host.CapAdd],
    ['CapDrop', host.CapDrop],
  ] as const) {
    prefixed(`invalid ${field}: `, () => containerCapabilities({ add: list }))
  }
  prefixed('', () => parseSecurityOptions(host.SecurityOpt), { status: 500 })
  checkHealth(config)
  return warnings
}

const MIN_DURATION = 1_000_000

function checkHealth({ Healthcheck: health }: ContainerConfig): void {
  if (!health) return
  for (const field of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = health[field] ?? 0
    if (value !== 0 && value < MIN_DURATION) throw invalid(`${field} in Healthcheck cannot be less than 1ms`)
  }
  if ((health.Retries ?? 0) < 0) throw invalid('Retries in Healthcheck cannot be negative')
  const kind = health.Test?.[0]
  if (kind !== undefined && !['', 'NONE', 'CMD', 'CMD-SHELL'].includes(kind)) {
    throw invalid(`Unknown healthcheck type '${kind}' (expected 'CMD')`)
  }
}

/**
 * Containers that the modes and links name must exist; to blame is who names them. The one of the network mode is
 * looked up by the start alone, as in dockerd.
 */
function checkReferences(parts: Parts, host: HostConfig): void {
  const modes = [host.IpcMode, host.PidMode].filter((mode) => mode?.startsWith('container:'))
  const donors = (host.VolumesFrom ?? []).map((spec) => spec.split(':')[0] ?? '')
  for (const name of [...modes.map((mode) => mode?.slice('container:'.length) ?? ''), ...donors]) {
    if (name !== '' && !parts.table.find(name)) throw invalid(`No such container: ${name}`)
  }
  for (const link of host.Links ?? []) {
    const { target } = parseLink(link)
    if (!parts.table.find(target))
      throw invalid(`could not get container for ${target}: No such container: ${target}`)
  }
}

/** What published ports expose, and defaults that inspect shows. */
function finishConfig(own: ContainerConfig, merged: ContainerConfig, host: HostConfig): ContainerConfig {
  const exposed = Object.fromEntries(
    [...Object.keys(merged.ExposedPorts ?? {}), ...Object.keys(host.PortBindings ?? {})].map((key) => [
      normalizeKey(key),
      {},
    ]),
  )
  return {
    ...BLANK_CONFIG,
    ...merged,
    Env: own.Env || (merged.Env ?? []).length > 0 ? (merged.Env ?? []) : null,
    Cmd: merged.Cmd ?? null,
    Image: own.Image ?? '',
    Volumes: merged.Volumes ?? null,
    Entrypoint: merged.Entrypoint ?? null,
    OnBuild: null,
    ...(Object.keys(exposed).length > 0 ? { ExposedPorts: exposed } : {}),
  }
}

function cleanPath(path: string): string {
  return path === '' ? '' : posix.normalize(path).replace(/(.)\/$/, '$1')
}

/** As dockerd: a network that does not exist is the start's concern. */
async function checkEndpoints(parts: Parts, networks: Record<string, EndpointSettings>): Promise<void> {
  for (const [name, settings] of Object.entries(networks)) {
    try {
      await parts.networks.validate({ [name]: settings })
    } catch (error) {
      throw new EngineError(kindOf(error), `invalid config for network ${name}: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }
}

function prefixed(prefix: string, check: () => unknown, details: Record<string, unknown> = {}): void {
  try {
    check()
  } catch (error) {
    throw new EngineError('invalid_argument', `${prefix}${messageOf(error)}`, { details })
  }
}

function invalid(message: string): EngineError {
  return new EngineError('invalid_argument', message)
}
