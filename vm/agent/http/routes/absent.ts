/**
 * Parts of the API that this engine does not have, answered as a dockerd without them answers: clients ask for swarm
 * objects and plugins to list everything, and take "not a swarm manager" for an answer, but not an unknown page.
 */
import { EngineError, type ErrorKind } from '../../../api/errors.ts'
import type { Context, Method, Route } from '../router.ts'

const NO_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'
const NO_SWARM = 'swarm mode is not supported by this engine'
const NO_PLUGINS = 'plugins are not supported by this engine'
const NO_CHECKPOINTS =
  'This experimental feature is disabled by default. Start the Docker daemon in experimental mode in order to enable it.'
const KINDS = ['services', 'tasks', 'nodes', 'secrets', 'configs']

export function absentRoutes(): Route[] {
  return [
    refuse('GET', '/swarm', 'unavailable', NO_MANAGER),
    refuse('POST', '/swarm/leave', 'unavailable', 'This node is not part of a swarm'),
    refuse('POST', '/swarm/init', 'not_implemented', NO_SWARM),
    refuse('POST', '/swarm/join', 'not_implemented', NO_SWARM),
    refuse('POST', '/swarm/update', 'unavailable', NO_MANAGER),
    refuse('POST', '/swarm/unlock', 'unavailable', NO_MANAGER),
    refuse('GET', '/swarm/unlockkey', 'unavailable', NO_MANAGER),
    ...KINDS.flatMap((kind) => [
      refuse('GET', `/${kind}`, 'unavailable', NO_MANAGER),
      refuse('POST', `/${kind}/create`, 'unavailable', NO_MANAGER),
      refuse('GET', `/${kind}/{id}`, 'unavailable', NO_MANAGER),
      refuse('GET', `/${kind}/{id}/logs`, 'unavailable', NO_MANAGER),
      refuse('POST', `/${kind}/{id}/update`, 'unavailable', NO_MANAGER),
      refuse('DELETE', `/${kind}/{id}`, 'unavailable', NO_MANAGER),
    ]),
    { method: 'GET', path: '/plugins', handler: (ctx) => ctx.send(200, []) },
    refuse('GET', '/plugins/privileges', 'not_implemented', NO_PLUGINS),
    refuse('POST', '/plugins/pull', 'not_implemented', NO_PLUGINS),
    refuse('POST', '/plugins/create', 'not_implemented', NO_PLUGINS),
    { method: 'GET', path: '/plugins/{name*}/json', handler: noPlugin },
    { method: 'POST', path: '/plugins/{name*}/{verb}', handler: noPlugin },
    { method: 'DELETE', path: '/plugins/{name*}', handler: noPlugin },
    refuse('GET', '/containers/{id}/checkpoints', 'not_implemented', NO_CHECKPOINTS),
    refuse('POST', '/containers/{id}/checkpoints', 'not_implemented', NO_CHECKPOINTS),
    refuse('DELETE', '/containers/{id}/checkpoints/{name}', 'not_implemented', NO_CHECKPOINTS),
    refuse(
      'PUT',
      '/volumes/{name}',
      'unavailable',
      'volume update only valid for cluster volumes, but swarm is unavailable',
    ),
  ]
}

function refuse(method: Method, path: string, kind: ErrorKind, message: string): Route {
  return {
    method,
    path,
    handler: () => {
      throw new EngineError(kind, message)
    },
  }
}

function noPlugin(ctx: Context): never {
  throw new EngineError('not_found', `plugin "${ctx.param('name')}" not found`)
}
