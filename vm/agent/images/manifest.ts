/** Reading manifests, indexes and configs from a registry or an archive: checked, and refused in clear words. */
import * as v from 'valibot'
import { EngineError } from '../../api/errors.ts'
import type { Descriptor, Digest } from '../content/store.ts'
import type { ImageConfig } from './images.ts'
import { isLayer, isManifest, MediaType } from './media-types.ts'
import { platformText } from './platform.ts'

const DigestSchema = v.custom<Digest>(
  (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value),
  'unsupported digest',
)
const DescriptorSchema = v.object({
  mediaType: v.string(),
  digest: DigestSchema,
  size: v.pipe(v.number(), v.integer(), v.minValue(0)),
  platform: v.optional(
    v.object({ architecture: v.string(), os: v.string(), variant: v.optional(v.string()) }),
  ),
  annotations: v.optional(v.nullable(v.record(v.string(), v.string()))),
  urls: v.optional(v.nullable(v.array(v.string()))),
})
const ManifestSchema = v.object({ config: DescriptorSchema, layers: v.array(DescriptorSchema) })
const IndexSchema = v.object({ manifests: v.array(DescriptorSchema) })
const ConfigSchema = v.looseObject({
  architecture: v.optional(v.string(), ''),
  os: v.optional(v.string(), ''),
  config: v.optional(v.nullable(v.looseObject({}))),
  rootfs: v.object({
    type: v.literal('layers'),
    diff_ids: v.optional(v.nullable(v.array(DigestSchema)), []),
  }),
  history: v.optional(v.nullable(v.array(v.looseObject({})))),
})

export interface Manifest {
  config: Descriptor
  layers: Descriptor[]
}
export interface Platform {
  os: string
  architecture: string
  variant?: string
}

/** A single-platform image manifest. Foreign layers and artifacts that are not images are refused. */
export function parseManifest(bytes: Uint8Array, subject: string): Manifest {
  const { config, layers } = parse(ManifestSchema, bytes, `${subject}: invalid manifest`)
  const configTypes: string[] = [MediaType.OCI_CONFIG, MediaType.DOCKER_CONFIG, 'application/octet-stream']
  if (!configTypes.includes(config.mediaType)) {
    throw new EngineError(
      'invalid_argument',
      `${subject}: unsupported media type ${config.mediaType}: not a container image`,
    )
  }
  for (const layer of layers) {
    if (isLayer(layer.mediaType)) continue
    const foreign = /foreign|nondistributable/.test(layer.mediaType)
    throw new EngineError(
      'invalid_argument',
      foreign
        ? `${subject}: foreign layer ${layer.digest} is not supported (its content is not in the registry)`
        : `${subject}: layer ${layer.digest} has unsupported media type ${layer.mediaType}`,
    )
  }
  return { config: plain(config), layers: layers.map(plain) }
}

/** The image config; the number of layers must be the manifest's. */
export function parseConfig(bytes: Uint8Array, subject: string, layers?: number): ImageConfig {
  const config = parse(ConfigSchema, bytes, `${subject}: invalid image config`)
  const count = config.rootfs.diff_ids?.length ?? 0
  if (layers !== undefined && count !== layers) {
    throw new EngineError('data_loss', `${subject}: the config names ${count} layers, the manifest ${layers}`)
  }
  return { ...config, rootfs: { type: 'layers', diff_ids: config.rootfs.diff_ids ?? [] } } as ImageConfig
}

/** The entry of an index that fits the platform best. not_found in Docker's words. */
export function chooseManifest(bytes: Uint8Array, platform: Platform, subject: string): Descriptor {
  const { manifests } = parse(IndexSchema, bytes, `${subject}: invalid index`)
  const fitting = manifests.filter(
    (entry) =>
      (isManifest(entry.mediaType) || entry.mediaType === '') &&
      entry.platform?.os === platform.os &&
      entry.platform.architecture === platform.architecture,
  )
  const variant = platform.variant ?? (platform.architecture === 'arm64' ? 'v8' : undefined)
  const best =
    fitting.find((entry) => entry.platform?.variant === variant) ??
    fitting.find((entry) => platform.variant === undefined || entry.platform?.variant === undefined)
  if (!best) {
    throw new EngineError(
      'not_found',
      `no matching manifest for ${platformText(platform)} in the manifest list entries`,
    )
  }
  return plain(best)
}

function parse<S extends v.GenericSchema>(schema: S, bytes: Uint8Array, subject: string): v.InferOutput<S> {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), Buffer.from(bytes).toString())
  if (result.success) return result.output
  const [issue] = result.issues
  throw new EngineError('data_loss', `${subject}: ${v.getDotPath(issue) ?? 'content'}: ${issue.message}`)
}

function plain(entry: v.InferOutput<typeof DescriptorSchema>): Descriptor {
  const { mediaType, digest, size } = entry
  return { mediaType, digest, size }
}

/**
 * Refuses an image that is not for the platform that was asked for. not_found, so that a client pulls the one that is; an
 * image that does not say what it is for is for everything.
 */
export function refuseOtherPlatform(name: string, wanted: Platform, has: Platform): void {
  const fits = ['', wanted.os].includes(has.os) && ['', wanted.architecture].includes(has.architecture)
  const variant = wanted.variant === undefined || has.variant === undefined || wanted.variant === has.variant
  if (fits && variant) return
  throw new EngineError(
    'not_found',
    `image with reference ${name} was found but its platform (${platformText(has)}) does not match the specified platform (${platformText(wanted)})`,
  )
}
