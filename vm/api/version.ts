/** Docker Engine API versions that the agent speaks (https://docs.docker.com/reference/api/engine/version-history/). */
export const API_VERSION = '1.51'
export const MIN_API_VERSION = '1.24'
/** The engine version that clients print and compare; follows the Docker release whose behaviour is built here. */
export const ENGINE_VERSION = '28.5.2'
/** Path of the engine's unix socket inside the VM. */
export const ENGINE_SOCKET = '/run/slipway/engine.sock'
