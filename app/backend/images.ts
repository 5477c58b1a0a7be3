import type { MethodsOf, Parts, StreamsOf } from './parts.ts'

export function imageMethods({ engine, accounts }: Parts): MethodsOf<'images'> {
  const { images, slipway } = engine
  return {
    'images.list': ([filters], { signal }) => images.list(filters, { signal }),
    'images.inspect': ([name], { signal }) => images.inspect(name, { signal }),
    'images.history': ([name], { signal }) => images.history(name, { signal }),
    'images.tag': ([name, target], { signal }) => images.tag(name, target, { signal }),
    'images.remove': ([name, { force }], { signal }) => images.remove(name, { force, signal }),
    'images.prune': ([{ all }], { signal }) => images.prune({ all, signal }),
    'images.tags': async ([name], { signal }) =>
      slipway.registryTags(name, { auth: await accounts.forImage(name), signal }),
    'images.search': async ([term], { signal }) =>
      images.search(term, { auth: await accounts.forImage(term), signal }),
  }
}

export function imageStreams({ engine: { imageStreams }, accounts }: Parts): StreamsOf<'images'> {
  return {
    'images.pull': async function* ([name, options], { signal }) {
      yield* imageStreams.pull(name, { ...options, auth: await accounts.forImage(name), signal })
    },
    'images.push': async function* ([name], { signal }) {
      yield* imageStreams.push(name, { auth: await accounts.forImage(name), signal })
    },
    'images.save': ([names], { signal }) => imageStreams.save(names, { signal }),
    'images.load': (_args, { input, signal }) => imageStreams.load(input, { signal }),
    'images.build': async function* ([options], { input, signal }) {
      yield* imageStreams.build(input, { ...options, auths: await accounts.all(), signal })
    },
  }
}

export function buildMethods({ engine: { system } }: Parts): MethodsOf<'builds'> {
  return { 'builds.prune': (_args, { signal }) => system.pruneBuilds({ signal }) }
}
