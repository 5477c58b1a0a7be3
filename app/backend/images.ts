import type { MethodsOf, Parts, StreamsOf } from './parts.ts'

export function imageMethods({ engine }: Parts): MethodsOf<'images'> {
  const { images, slipway } = engine
  return {
    'images.list': ([filters], { signal }) => images.list(filters, { signal }),
    'images.inspect': ([name], { signal }) => images.inspect(name, { signal }),
    'images.history': ([name], { signal }) => images.history(name, { signal }),
    'images.tag': ([name, target], { signal }) => images.tag(name, target, { signal }),
    'images.remove': ([name, { force }], { signal }) => images.remove(name, { force, signal }),
    'images.prune': ([{ all }], { signal }) => images.prune({ all, signal }),
    'images.tags': ([name], { signal }) => slipway.registryTags(name, { signal }),
  }
}

export function imageStreams({ engine: { imageStreams } }: Parts): StreamsOf<'images'> {
  return {
    'images.pull': ([name, options], { signal }) => imageStreams.pull(name, { ...options, signal }),
    'images.push': ([name], { signal }) => imageStreams.push(name, { signal }),
    'images.save': ([names], { signal }) => imageStreams.save(names, { signal }),
    'images.load': (_args, { input, signal }) => imageStreams.load(input, { signal }),
    'images.build': ([options], { input, signal }) => imageStreams.build(input, { ...options, signal }),
  }
}

export function buildMethods({ engine: { system } }: Parts): MethodsOf<'builds'> {
  return { 'builds.prune': (_args, { signal }) => system.pruneBuilds({ signal }) }
}
