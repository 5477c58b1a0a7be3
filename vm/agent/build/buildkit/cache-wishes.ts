/** Caches elsewhere that a client names. There are none here: a build says so and goes on, as without them. */
import * as v from 'valibot'
import type { StatusLog } from './status-log.ts'
import { Vertex } from './vertex.ts'

interface CacheWish {
  Type?: string
  Attrs?: Record<string, string>
}

const Imports = v.pipe(
  v.string(),
  v.parseJson(),
  v.array(
    v.object({ Type: v.string(), Attrs: v.optional(v.nullable(v.record(v.string(), v.string())), {}) }),
  ),
)

/** What `cache-imports` among the frontend's attributes names. */
export function importsIn(attributes: Readonly<Record<string, string>>): string[] {
  const parsed = v.safeParse(Imports, attributes['cache-imports'] ?? '[]')
  return parsed.success ? parsed.output.map(({ Type, Attrs }) => nameOf({ Type, Attrs: Attrs ?? {} })) : []
}

export function nameOf({ Type = '', Attrs = {} }: CacheWish): string {
  return Attrs['ref'] ?? Attrs['src'] ?? Type
}

/** Tells of each once, as a part of the build that failed without consequence. */
export function tellUnsupported(
  log: StatusLog,
  ref: string,
  wishes: { imports: readonly string[]; exports: readonly string[] },
): void {
  const fail = (name: string, what: string) =>
    new Vertex(log, ref, name).start().end(new Error(`${what} is not supported by this builder`))
  for (const name of new Set(wishes.imports)) fail(`importing cache manifest from ${name}`, 'cache import')
  for (const name of new Set(wishes.exports)) fail(`exporting ${name} cache`, `cache export ${name}`)
}
