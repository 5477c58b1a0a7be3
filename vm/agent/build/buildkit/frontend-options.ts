/** What a client asks of the Dockerfile frontend, in the words of its attributes. Pure. */
import type { Ulimit } from '../../../api/containers.ts'
import { EngineError } from '../../../api/errors.ts'
import { type BuildOptions, PLAIN_OPTIONS } from '../options.ts'
import type { ContextFiles } from '../sources.ts'

export interface FrontendRequest {
  options: BuildOptions
  /** Name of the Dockerfile in its folder. */
  filename: string
  /** Where the files are: a folder of the client's, a tar that it uploads, or here already. */
  context: { folder: string } | { upload: string } | { files: ContextFiles }
  /** The client's folder with the Dockerfile; undefined: it is in the uploaded tar. */
  dockerfileFolder: string | undefined
  /** Further contexts by name: folders of the client's, and images. */
  folders: Map<string, string>
  images: Map<string, string>
}
type Attributes = Readonly<Record<string, string>>

/** Asked for by clients as a matter of course, and of no consequence here. */
const WITHOUT_EFFECT =
  /^(cmdline|frontend\.caps|vcs:|cache-imports$|cache-from$|image-resolve-mode$|local-sessionid:|input-metadata:|contextkey$)/
const KNOWN =
  /^(context|filename|dockerfilekey|target|no-cache|platform|add-hosts|shm-size|ulimit|force-network-mode|cgroup-parent|multi-platform|requestid|source|build-arg:.*|label:.*|context:.*|attest:.*|contextsubdir|hostname)$/

/** not_implemented names what this builder cannot do. */
export function frontendRequest(attributes: Attributes): FrontendRequest {
  refuse(attributes)
  const get = (name: string) => attributes[name] ?? ''
  const noCache = attributes['no-cache']
  const context = contextOf(attributes['context'])
  return {
    options: {
      ...PLAIN_OPTIONS,
      dockerfile: get('filename') || 'Dockerfile',
      buildArgs: prefixed(attributes, 'build-arg:'),
      labels: prefixed(attributes, 'label:'),
      target: get('target'),
      noCache: noCache === '',
      noCacheStages: noCache ? noCache.split(',').map((name) => name.toLowerCase()) : [],
      buildkit: true,
      pull: get('image-resolve-mode') === 'pull',
      platform: get('platform') || undefined,
      forceRemove: true,
      networkMode: networkMode(get('force-network-mode')),
      shmSize: Number(get('shm-size') || 0),
      extraHosts: items(get('add-hosts')).map((item) => item.replace('=', ':')),
      ulimits: items(get('ulimit')).map(ulimit),
    },
    filename: get('filename') || 'Dockerfile',
    context,
    dockerfileFolder:
      'upload' in context ? attributes['dockerfilekey'] : get('dockerfilekey') || 'dockerfile',
    ...namedContexts(prefixed(attributes, 'context:')),
  }
}

function refuse(attributes: Attributes): void {
  const fail = (what: string) =>
    new EngineError('not_implemented', `${what} is not supported by this builder`)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === '' || WITHOUT_EFFECT.test(name)) continue
    if (!KNOWN.test(name)) throw fail(`frontend option ${name}=${value}`)
    if (name.startsWith('attest:')) throw fail(`attestation ${name.slice('attest:'.length)}`)
    if (name === 'requestid') throw fail(`request ${value}`)
    if (name === 'platform' && value.includes(',')) throw fail(`a build for several platforms (${value})`)
    if (name === 'multi-platform' && value !== 'false') throw fail('a multi-platform result')
    if (['cgroup-parent', 'contextsubdir', 'hostname'].includes(name)) throw fail(`option ${name}=${value}`)
    if (name === 'source' && !/(^|\/)dockerfile(:|@|$)/.test(value)) throw fail(`frontend ${value}`)
  }
}

function contextOf(value: string | undefined): FrontendRequest['context'] {
  if (value === undefined || value === '') return { folder: 'context' }
  const upload = /^https?:\/\/buildkit-session\/(.+)$/.exec(value)?.[1]
  if (upload !== undefined) return { upload }
  if (value.startsWith('local:')) return { folder: value.slice('local:'.length) }
  throw new EngineError('not_implemented', `build context ${value} is not supported by this builder`)
}

function namedContexts(contexts: Attributes): Pick<FrontendRequest, 'folders' | 'images'> {
  const folders = new Map<string, string>()
  const images = new Map<string, string>()
  for (const [key, value] of Object.entries(contexts)) {
    const name = key.replace(/::.*$/, '')
    const [scheme = '', rest = ''] = value.split(/:(.*)/s)
    if (scheme === 'local') folders.set(name, rest)
    else if (scheme === 'docker-image') images.set(name, rest.replace(/^\/\//, ''))
    else
      throw new EngineError(
        'not_implemented',
        `build context ${name}=${value} is not supported by this builder`,
      )
  }
  return { folders, images }
}

function prefixed(attributes: Attributes, prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  )
}

function networkMode(text: string): string | undefined {
  if (text === '' || text === 'sandbox') return undefined
  if (text === 'host' || text === 'none') return text
  throw new EngineError('invalid_argument', `invalid network mode ${JSON.stringify(text)}`)
}

function items(text: string): string[] {
  return text.split(',').filter((item) => item !== '')
}

/** `nofile=1024:2048`. */
function ulimit(text: string): Ulimit {
  const match = /^(\w+)=(-?\d+)(?::(-?\d+))?$/.exec(text)
  if (!match) throw new EngineError('invalid_argument', `invalid ulimit ${text}`)
  const [, Name = '', soft, hard] = match
  return { Name, Soft: Number(soft), Hard: Number(hard ?? soft) }
}
