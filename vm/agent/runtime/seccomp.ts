/**
 * Docker's seccomp policy for a container as an OCI `linux.seccomp` section. Pure. crun compiles the filter once per
 * distinct section and keeps it, so equal containers must give equal sections, in order.
 */
import * as v from 'valibot'
import { EngineError, messageOf } from '../../api/errors.ts'
import {
  type Arch,
  DEFAULT_POLICY,
  NATIVE_ARCHES,
  type PolicyRule,
  SOCKET_FAMILIES,
} from './seccomp-policy.ts'

const EPERM = 1

export interface SeccompRule {
  names: string[]
  action: string
  errnoRet?: number
  args?: { index: number; value: number; valueTwo?: number; op: string }[]
}
export interface Seccomp {
  defaultAction: string
  defaultErrnoRet?: number
  architectures?: string[]
  flags?: string[]
  listenerPath?: string
  syscalls: SeccompRule[]
}

/**
 * The section for `profile`: `builtin`, `unconfined` (undefined: no filter), or a profile's JSON text in Docker's
 * format. What a rule depends on (capabilities, architecture) is decided here; crun knows only plain rules.
 */
export function seccompSection(
  profile: string,
  container: { arch: Arch; capabilities: readonly string[] },
): Seccomp | undefined {
  if (profile === 'unconfined') return undefined
  return profile === 'builtin' ? builtin(container) : custom(profile, container)
}

function builtin({ arch, capabilities }: { arch: Arch; capabilities: readonly string[] }): Seccomp {
  const has = new Set(capabilities)
  const applies = (rule: PolicyRule) =>
    (rule.cap === undefined || has.has(rule.cap)) &&
    (rule.withoutCap === undefined || !has.has(rule.withoutCap)) &&
    (rule.arch === undefined || rule.arch === arch)
  const rules = DEFAULT_POLICY.filter(applies).map(
    ({ names, errno, args }): SeccompRule => ({
      names: names.split(' '),
      action: errno === undefined ? 'SCMP_ACT_ALLOW' : 'SCMP_ACT_ERRNO',
      ...(errno === undefined ? {} : { errnoRet: errno }),
      ...(args === undefined ? {} : { args: [...args] }),
    }),
  )
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: [...NATIVE_ARCHES[arch]],
    syscalls: [
      ...rules,
      ...SOCKET_FAMILIES.map((args) => ({ names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [args] })),
    ],
  }
}

const Conditions = v.optional(
  v.object({
    caps: v.optional(v.nullable(v.array(v.string()))),
    arches: v.optional(v.nullable(v.array(v.string()))),
    minKernel: v.optional(v.nullable(v.string())),
  }),
)
const Argument = v.object({
  index: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(5)),
  value: v.number(),
  valueTwo: v.optional(v.number()),
  op: v.string(),
})
const Profile = v.object({
  defaultAction: v.string(),
  defaultErrnoRet: v.optional(v.nullable(v.number())),
  architectures: v.optional(v.nullable(v.array(v.string()))),
  archMap: v.optional(
    v.nullable(
      v.array(
        v.object({ architecture: v.string(), subArchitectures: v.optional(v.nullable(v.array(v.string()))) }),
      ),
    ),
  ),
  flags: v.optional(v.nullable(v.array(v.string()))),
  syscalls: v.optional(
    v.nullable(
      v.array(
        v.object({
          names: v.optional(v.nullable(v.array(v.string()))),
          name: v.optional(v.string()),
          action: v.string(),
          errnoRet: v.optional(v.nullable(v.number())),
          args: v.optional(v.nullable(v.array(Argument))),
          includes: v.nullish(Conditions),
          excludes: v.nullish(Conditions),
        }),
      ),
    ),
  ),
})
type ProfileConditions = v.InferOutput<typeof Conditions> | null

/** Docker's own profile format: conditions per rule, architectures by map. */
function custom(text: string, container: { arch: Arch; capabilities: readonly string[] }): Seccomp {
  const profile = parseProfile(text)
  if (profile.architectures?.length && profile.archMap?.length) {
    throw invalid("both 'architectures' and 'archMap' are specified in the seccomp profile, use either one")
  }
  const native = NATIVE_ARCHES[container.arch][0]
  const mapped = profile.archMap?.find(({ architecture }) => architecture === native)
  const architectures = mapped
    ? [mapped.architecture, ...(mapped.subArchitectures ?? [])]
    : profile.architectures
  const rules = (profile.syscalls ?? []).filter(
    (rule) => meets(rule.includes, container, true) && !meets(rule.excludes, container, false),
  )
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet == null ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures?.length ? { architectures: [...architectures] } : {}),
    ...(profile.flags?.length ? { flags: profile.flags } : {}),
    syscalls: rules.map((rule) => {
      if (rule.name !== undefined && rule.names?.length) {
        throw invalid("both 'name' and 'names' are specified in the seccomp profile, use either one")
      }
      return {
        names: rule.name === undefined ? (rule.names ?? []) : [rule.name],
        action: rule.action,
        ...(rule.errnoRet == null ? {} : { errnoRet: rule.errnoRet }),
        ...(rule.args?.length ? { args: rule.args.map(cleanArgument) } : {}),
      }
    }),
  }
}

function cleanArgument({ index, value, valueTwo, op }: v.InferOutput<typeof Argument>) {
  return { index, value, ...(valueTwo === undefined ? {} : { valueTwo }), op }
}

/** All of the conditions for `includes`, any of them for `excludes`. minKernel is met: the machine's kernel is newer than any. */
function meets(
  conditions: ProfileConditions | undefined,
  { arch, capabilities }: { arch: Arch; capabilities: readonly string[] },
  all: boolean,
): boolean {
  const checks: boolean[] = []
  const caps = conditions?.caps ?? []
  if (caps.length > 0) {
    const held = caps.map((cap) => capabilities.includes(cap))
    checks.push(all ? held.every(Boolean) : held.some(Boolean))
  }
  if (conditions?.arches?.length) checks.push(conditions.arches.includes(arch))
  if (conditions?.minKernel) checks.push(true)
  return all ? checks.every(Boolean) : checks.some(Boolean)
}

function parseProfile(text: string): v.InferOutput<typeof Profile> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw invalid(messageOf(error), error)
  }
  const result = v.safeParse(Profile, json)
  if (result.success) return result.output
  const issue = result.issues[0]
  throw invalid(`${v.getDotPath(issue) ?? 'profile'}: ${issue.message}`)
}

function invalid(why: string, cause?: unknown): EngineError {
  return new EngineError('invalid_argument', `Decoding seccomp profile failed: ${why}`, { cause })
}
