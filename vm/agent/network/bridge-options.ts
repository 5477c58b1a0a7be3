/** Options of the bridge driver (https://docs.docker.com/engine/network/drivers/bridge/#options). Pure. */
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
}

const MTU = 'com.docker.network.driver.mtu'
const ICC = 'com.docker.network.bridge.enable_icc'
const MASQUERADE = 'com.docker.network.bridge.enable_ip_masquerade'
const NAME = 'com.docker.network.bridge.name'
const PREFIX = 'com.docker.network.container_iface_prefix'

/** Options of the default bridge, as Docker's own inspect shows them. */
export const DEFAULT_BRIDGE_OPTIONS: Readonly<Record<string, string>> = {
  'com.docker.network.bridge.default_bridge': 'true',
  [ICC]: 'true',
  [MASQUERADE]: 'true',
  'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1',
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
  return {
    mtu: mtu(options[MTU]),
    icc: bool(ICC, options[ICC]),
    masquerade: bool(MASQUERADE, options[MASQUERADE]),
    name,
    interfacePrefix,
  }
}

function mtu(text: string | undefined): number {
  if (text === undefined || text === '' || text === '0') return 1500
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 68 || value > 65535) {
    throw new EngineError('invalid_argument', `invalid value for ${MTU}: ${JSON.stringify(text)}`)
  }
  return value
}

function bool(name: string, text: string | undefined): boolean {
  if (text === undefined) return true
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false
  throw new EngineError('invalid_argument', `invalid value for ${name}: ${JSON.stringify(text)}`)
}
