/** `--security-opt`. Pure. */
import { EngineError } from '../../api/errors.ts'

export interface SecurityOptions {
  noNewPrivileges: boolean
  /** `builtin`, `unconfined`, or the JSON text of a profile (the client sends the file's content). */
  seccomp: string
}

/**
 * Reads Docker's list of options. AppArmor and SELinux are not there in the machine: switching them off is accepted,
 * asking for a profile is refused by name, as is every unknown option.
 */
export function parseSecurityOptions(list: readonly string[] | null | undefined): SecurityOptions {
  const options: SecurityOptions = { noNewPrivileges: false, seccomp: 'builtin' }
  for (const option of list ?? []) {
    const at = option.search(/[=:]/)
    const name = at < 0 ? option : option.slice(0, at)
    const value = at < 0 ? undefined : option.slice(at + 1)
    switch (name) {
      case 'no-new-privileges':
        options.noNewPrivileges = parseBoolean(option, value)
        break
      case 'seccomp':
        options.seccomp = value === undefined || value === '' ? unknown(option) : value
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
        unknown(option)
    }
  }
  return options
}

function parseBoolean(option: string, value: string | undefined): boolean {
  if (value === undefined || /^(1|t|true)$/i.test(value)) return true
  if (/^(0|f|false)$/i.test(value)) return false
  return unknown(option)
}

function unknown(option: string): never {
  throw new EngineError('invalid_argument', `invalid --security-opt 1: "${option}"`)
}
