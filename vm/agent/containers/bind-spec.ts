/** `-v` strings: `[source:]destination[:mode]`. Pure; messages are dockerd's. */
import { posix } from 'node:path'
import { EngineError } from '../../api/errors.ts'
import { checkVolumeName } from '../volumes/names.ts'

export interface BindSpec {
  /** Absolute path of the VM or of the user's computer, name of a volume, or empty (anonymous volume). */
  source: string
  destination: string
  mode: string
  readOnly: boolean
  noCopy: boolean
  /** Empty: the type's default. */
  propagation: string
}

const PROPAGATIONS = ['shared', 'rshared', 'slave', 'rslave', 'private', 'rprivate']
const IGNORED = ['z', 'Z', 'consistent', 'cached', 'delegated', 'default']

/** `isPath`: what is a path and no name of a volume; the colon of a drive divides nothing. */
export function parseBind(spec: string, isPath = isRooted): BindSpec {
  const drive = isPath(spec) && !isRooted(spec) ? spec.slice(0, 2) : ''
  const parts = spec.slice(drive.length).split(':')
  parts[0] = drive + parts[0]
  if (parts.length > 3 || parts[0] === '' || parts.some((part) => part === '')) {
    throw invalid(`invalid volume specification: '${spec}'`)
  }
  const [first = '', second, third] = parts
  if (second === undefined)
    return checked(spec, isPath, { ...flags(''), source: '', destination: first, mode: '' })
  if (third === undefined) {
    // `name:ro` is not a destination of `ro`: Docker reads the second part as a path.
    return checked(spec, isPath, { ...flags(''), source: first, destination: second, mode: '' })
  }
  return checked(spec, isPath, { ...flags(third), source: first, destination: second, mode: third })
}

function flags(mode: string): Pick<BindSpec, 'readOnly' | 'noCopy' | 'propagation'> {
  const result = { readOnly: false, noCopy: false, propagation: '' }
  if (mode === '') return result
  const seen = new Set<string>()
  for (const word of mode.split(',')) {
    const group = groupOf(word)
    if (group === undefined || seen.has(group)) throw invalid(`invalid mode: ${mode}`)
    seen.add(group)
    if (word === 'ro') result.readOnly = true
    if (word === 'nocopy') result.noCopy = true
    if (group === 'propagation') result.propagation = word
  }
  return result
}

function groupOf(word: string): string | undefined {
  if (word === 'ro' || word === 'rw') return 'access'
  if (word === 'nocopy') return 'copy'
  if (PROPAGATIONS.includes(word)) return 'propagation'
  if (word === 'z' || word === 'Z') return 'label'
  return IGNORED.includes(word) ? 'consistency' : undefined
}

function checked(spec: string, isPath: (source: string) => boolean, bind: BindSpec): BindSpec {
  const type = isPath(bind.source) ? 'bind' : 'volume'
  const destination = cleanDestination(bind.destination, spec, type)
  const named = bind.source !== '' && type === 'volume'
  const foreign =
    named && bind.propagation !== '' ? 'BindOptions' : type === 'bind' && bind.noCopy ? 'VolumeOptions' : ''
  if (foreign !== '') {
    throw invalid(
      `invalid volume specification: '${spec}': invalid mount config for type "${type}": field ${foreign} must not be specified`,
    )
  }
  const source = named ? checkVolumeName(bind.source) : cleanSource(bind.source)
  return { ...bind, source, destination }
}

function isRooted(source: string): boolean {
  return source.startsWith('/')
}

/** A path with a drive stays as it was typed. */
export function cleanSource(source: string): string {
  return isRooted(source) ? posix.normalize(source) : source
}

/** A clean absolute path that is not the root. */
function cleanDestination(path: string, spec: string, type: 'bind' | 'volume'): string {
  if (!path.startsWith('/')) {
    throw invalid(
      `invalid volume specification: '${spec}': invalid mount config for type "${type}": invalid mount path: '${path}' mount path must be absolute`,
    )
  }
  const clean = posix.normalize(path).replace(/(.)\/$/, '$1')
  if (clean === '/') {
    throw invalid(
      `invalid volume specification: '${spec}': invalid mount config for type "${type}": invalid specification: destination can't be '/'`,
    )
  }
  return clean
}

/** dockerd answers these with 500. */
function invalid(message: string): EngineError {
  return new EngineError('invalid_argument', message, { details: { status: 500 } })
}
