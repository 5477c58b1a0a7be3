/** `--security-opt`. Pure. */
import { EngineError } from '../../api/errors.ts'

export interface SecurityOptions {
  noNewPrivileges: boolean
  /** Whether `/sys/fs/cgroup` may be written; undefined leaves it to the privileges. */
  writableCgroups?: boolean
  /** `builtin`, `unconfined`, or the JSON text of a profile (the client sends the file's content). */
  seccomp: string
}

/** What is said by its name alone. */
const BARE = ['no-new-privileges', 'writable-cgroups']

/**
 * Reads Docker's list of options. AppArmor and SELinux are not there in the machine: switching them off is accepted,
 * asking for a profile is refused by name, as is every unknown option.
 */
export function parseSecurityOptions(list: readonly string[] | null | undefined): SecurityOptions {
  const options: SecurityOptions = { noNewPrivileges: false, seccomp: 'builtin' }
  for (const option of list ?? []) {
    if (option === 'disable') continue
    const separator = option.includes('=') ? '=' : ':'
    const at = option.indexOf(separator)
    const name = at < 0 ? option : option.slice(0, at)
    const value = at < 0 ? undefined : option.slice(at + 1)
    if (value === undefined && !BARE.includes(option)) invalid(1, option)
    switch (name) {
      case 'no-new-privileges':
        options.noNewPrivileges = parseBoolean(option, value)
        break
      case 'seccomp':
        options.seccomp = value || 'builtin'
        break
      case 'writable-cgroups':
        options.writableCgroups = parseBoolean(option, value)
        break
      case 'apparmor':
      case 'label':
        if (value !== 'unconfined' && value !== 'disable' && value !== 'docker-default') {
          const what = name === 'apparmor' ? 'AppArmor' : 'SELinux'
          throw new EngineError(
            'invalid_argument',
            `invalid --security-opt "${option}": ${what} is not enabled`,
          )
        }
        break
      default:
        invalid(2, option)
    }
  }
  return options
}

function parseBoolean(option: string, value: string | undefined): boolean {
  if (value === undefined || /^(?:1|t|T|true|TRUE|True)$/.test(value)) return true
  if (/^(?:0|f|F|false|FALSE|False)$/.test(value)) return false
  return invalid(2, option)
}

/** Docker's words; the number tells whether the form or the content is wrong. */
function invalid(kind: 1 | 2, option: string): never {
  throw new EngineError('invalid_argument', `invalid --security-opt ${kind}: ${JSON.stringify(option)}`)
}
