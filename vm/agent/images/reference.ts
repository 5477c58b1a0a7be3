/** Image references, by the grammar and in the words of Docker's distribution/reference. Pure. */
import { EngineError } from '../../api/errors.ts'
import type { Digest } from '../content/store.ts'

export const DOCKER_HUB = 'docker.io'
const DEFAULT_TAG = 'latest'

const ALNUM = '[a-z0-9]+'
const SEPARATOR = '(?:[._]|__|[-]+)'
const COMPONENT = `${ALNUM}(?:${SEPARATOR}${ALNUM})*`
const DOMAIN_LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const DOMAIN = `(?:${DOMAIN_LABEL}(?:\\.${DOMAIN_LABEL})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`
const NAME = new RegExp(`^(?<domain>${DOMAIN})/(?<path>${COMPONENT}(?:/${COMPONENT})*)$`)
const TAG = /^[\w][\w.-]{0,127}$/
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/
const IDENTIFIER = /^[a-f0-9]{64}$/
const MAX_NAME = 255

export interface Reference {
  /** Registry: `docker.io`, `localhost:5000`. */
  domain: string
  /** Repository inside the registry: `library/busybox`. */
  path: string
  tag: string | undefined
  digest: Digest | undefined
}

/** Parses what a user typed; neither tag nor digest is added. invalid_argument in Docker's words. */
export function parseReference(text: string): Reference {
  if (IDENTIFIER.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`)
  }
  const at = text.indexOf('@')
  const digest = at < 0 ? undefined : text.slice(at + 1)
  const named = at < 0 ? text : text.slice(0, at)
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const name = hasTag ? named.slice(0, colon) : named
  const tag = hasTag ? named.slice(colon + 1) : undefined
  const { domain, path } = splitDomain(name)
  if (path.toLowerCase() !== path) {
    throw invalid(`invalid reference format: repository name (${path}) must be lowercase`)
  }
  const match = NAME.exec(`${domain}/${path}`)
  if (!match?.groups || (tag !== undefined && !TAG.test(tag))) throw invalid('invalid reference format')
  if (digest !== undefined && !DIGEST.test(digest)) throw invalid('invalid reference format')
  if (path.length > MAX_NAME) {
    throw invalid(`repository name must not be more than ${MAX_NAME} characters`)
  }
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest)) {
    throw invalid(
      digest.startsWith('sha256:') ? 'invalid checksum digest length' : 'unsupported digest algorithm',
    )
  }
  return { domain, path, tag, digest: digest as Digest | undefined }
}

/** As parseReference, with `:latest` when there is neither tag nor digest. */
export function parseTagged(text: string): Reference {
  const reference = parseReference(text)
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: DEFAULT_TAG }
    : reference
}

/** The name as Docker shows it: without `docker.io/` and `library/`. */
export function familiarName(reference: Pick<Reference, 'domain' | 'path'>): string {
  if (reference.domain !== DOCKER_HUB) return `${reference.domain}/${reference.path}`
  const short = reference.path.startsWith('library/')
    ? reference.path.slice('library/'.length)
    : reference.path
  return short.includes('/') ? reference.path : short
}

/** Name with tag and digest, as Docker shows it. */
export function familiarString(reference: Reference): string {
  return (
    familiarName(reference) +
    (reference.tag === undefined ? '' : `:${reference.tag}`) +
    (reference.digest === undefined ? '' : `@${reference.digest}`)
  )
}

/** `name:tag` as it is listed in RepoTags. */
export function tagString(reference: Reference): string {
  return `${familiarName(reference)}:${reference.tag ?? DEFAULT_TAG}`
}

/** `name@digest` as it is listed in RepoDigests. */
export function digestString(reference: Reference, digest: Digest): string {
  return `${familiarName(reference)}@${digest}`
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const isDomain = slash > 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first)
  let domain = isDomain ? first : DOCKER_HUB
  let path = isDomain ? name.slice(slash + 1) : name
  if (domain === 'index.docker.io') domain = DOCKER_HUB
  if (domain === DOCKER_HUB && !path.includes('/')) path = `library/${path}`
  return { domain, path }
}

function invalid(message: string): EngineError {
  return new EngineError('invalid_argument', message)
}
