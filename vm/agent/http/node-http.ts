/**
 * node:http, not by `import`: an import asks the module for every name that it has, one of them is its WebSocket
 * client, and with that Node loads the whole of undici. Under emulation this costs the engine's start half a second.
 */
export const { Agent, createServer, request, ServerResponse } = process.getBuiltinModule('node:http')
