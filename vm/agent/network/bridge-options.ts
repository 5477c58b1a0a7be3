/** Options of the bridge driver (https://docs.docker.com/engine/network/drivers/bridge/#options). Pure. */
import { isIPv4 } from 'node:net'
import { EngineError } from '../../api/errors.ts'

export interface BridgeOptions {
  mtu: number
  /** Containers of the network may talk to each other. */
  icc: boolean
  masquerade: boolean
  /** Interface name that the user chose. */
  name: string | undefined
  /** Prefix of the interface names inside containers. */
  interfacePrefix: string
  /** Address on the host of ports that are published without one; empty: the loopback of both families. */
  hostBinding: string
}

const MTU = 'com.docker.network.driver.mtu'
const ICC = 'com.docker.network.bridge.enable_icc'
const MASQUERADE = 'com.docker.network.bridge.enable_ip_masquerade'
const NAME = 'com.docker.network.bridge.name'
const HOST_BINDING = 'com.docker.network.bridge.host_binding_ipv4'
const GATEWAY_MODES = [
  'com.docker.network.bridge.gateway_mode_ipv4',
  'com.docker.network.bridge.gateway_mode_ipv6',
]
const INHIBIT = 'com.docker.network.bridge.inhibit_ipv4'
const PREFIX = 'com.docker.network.container_iface_prefix'

/** Options of the default bridge, as Docker's own inspect shows them. */
export const DEFAULT_BRIDGE_OPTIONS: Readonly<Record<string, string>> = {
  'com.docker.network.bridge.default_bridge': 'true',
  [ICC]: 'true',
  [MASQUERADE]: 'true',
  [HOST_BINDING]: '127.0.0.1',
  [NAME]: 'docker0',
  [MTU]: '1500',
}

/** Reads the options; an unusable value is invalid_argument naming the option. Unknown ones are kept, as Docker does. */
export function bridgeOptions(options: Readonly<Record<string, string>>): BridgeOptions {
  const name = options[NAME]
  if (name !== undefined && !/^[^\s/:%]{1,15}$/.test(name)) {
    throw new EngineError('invalid_argument', `invalid bridge name ${JSON.stringify(name)}`)
  }
  const interfacePrefix = options[PREFIX] ?? 'eth'
  if (!/^[^\s/:%]{1,12}$/.test(interfacePrefix)) {
    throw new EngineError('invalid_argument', `invalid interface prefix ${JSON.stringify(interfacePrefix)}`)
  }
  for (const key of GATEWAY_MODES) refuseMode(key, options[key])
  if (options[INHIBIT] !== undefined && bool(INHIBIT, options[INHIBIT])) throw unsupported(INHIBIT, 'true')
  return {
    mtu: mtu(options[MTU]),
    icc: bool(ICC, options[ICC]),
    masquerade: bool(MASQUERADE, options[MASQUERADE]),
    name,
    interfacePrefix,
    hostBinding: hostBinding(options[HOST_BINDING]),
  }
}

/** Of the default bridge it stands for both loopbacks. */
function hostBinding(text = ''): string {
  if (text !== '' && !isIPv4(text)) {
    throw new EngineError('invalid_argument', `invalid value for ${HOST_BINDING}: ${JSON.stringify(text)}`)
  }
  return text === DEFAULT_BRIDGE_OPTIONS[HOST_BINDING] ? '' : text
}

function refuseMode(key: string, mode: string | undefined): void {
  if (mode === undefined || mode === '' || mode === 'nat') return
  if (['routed', 'isolated', 'nat-unprotected'].includes(mode)) throw unsupported(key, mode)
  throw new EngineError('invalid_argument', `${key}: unknown gateway mode ${mode}`)
}

function unsupported(key: string, value: string): EngineError {
  return new EngineError('invalid_argument', `${key}=${value} is not supported`)
}

function mtu(text: string | undefined): number {
  if (text === undefined || text === '' || text === '0') return 1500
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 68 || value > 65535) {
    throw unparsable(MTU, text, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  }
  return value
}

function bool(name: string, text: string | undefined): boolean {
  if (text === undefined) return true
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false
  throw unparsable(name, text, `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
}

function unparsable(name: string, text: string, cause: string): EngineError {
  return new EngineError('invalid_argument', `failed to parse ${name} value: ${text} (${cause})`)
}
