/** What the builder is, to BuildKit's clients. */
import { hostPlatform } from '../../images/platform.ts'

const HOST_ADDRESS = '10.0.2.2'

/** The one worker. Without a label that names a snapshotter clients know that images are single-platform here. */
export function workers() {
  const { os, architecture } = hostPlatform()
  const labels = { 'org.mobyproject.buildkit.worker.moby.host-gateway-ip': HOST_ADDRESS }
  return [{ ID: 'slipway', Labels: labels, platforms: [{ OS: os, Architecture: architecture }] }]
}

const capability = (ID: string) => ({ ID, Enabled: true })

/** What clients may ask of the gateway service. */
export const FRONTEND_CAPABILITIES = [
  'solve.base',
  'solve.inlinereturn',
  'return',
  'returnmap',
  'proto.refarray',
  'importcaches',
  'frontend.inputs',
  'frontend.caps',
  'gateway.solve.metadata',
  'gateway.solve.evaluate',
  'gateway.warnings',
].map(capability)

/** Sources and steps that Dockerfiles here can have. */
export const BUILD_CAPABILITIES = [
  'source.image',
  'source.local',
  'source.local.unique',
  'source.local.sessionid',
  'source.local.includepatterns',
  'source.local.followpaths',
  'source.local.excludepatterns',
  'source.local.sharedkeyhint',
  'source.http',
  'source.http.checksum',
  'exec.meta.base',
  'exec.meta.network',
  'exec.mount.bind',
  'exec.mount.cache',
  'exec.mount.cache.sharing',
  'exec.mount.selector',
  'exec.mount.tmpfs',
  'exec.mount.secret',
  'exec.mount.ssh',
  'file.base',
  'constraints',
  'platform',
  'meta.ignorecache',
  'meta.description',
].map(capability)
