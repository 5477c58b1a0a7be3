/** ARG: its two scopes, before the first FROM and in a stage, and the arguments that every build has. */

import { keyValues } from '../images/instruction-words.ts'
import { hostPlatform, platformText } from '../images/platform.ts'
import type { Step } from './dockerfile.ts'
import { expandVariables } from './expand.ts'
import { unconsumed } from './stage.ts'

export class BuildArguments {
  /** What FROM sees, and what an ARG without a default takes in a stage. */
  readonly globals: Map<string, string>
  readonly #given: Readonly<Record<string, string | null>>
  readonly #used = new Set<string>()
  readonly #escape: string

  /** `platform` is that of the image to be made (`linux/arm64`), undefined: the machine's own. */
  constructor(options: {
    given: Readonly<Record<string, string | null>>
    platform: string | undefined
    escape: string
  }) {
    this.#given = options.given
    this.#escape = options.escape
    this.globals = platformArguments(options.platform)
    for (const name of this.globals.keys()) {
      const given = options.given[name]
      if (typeof given === 'string') this.globals.set(name, given)
    }
  }

  /** An ARG before the first FROM. */
  declareGlobal(step: Step): void {
    for (const [name, value] of this.#parse(step, this.globals))
      if (value !== undefined) this.globals.set(name, value)
  }

  /** `ARG name`, `ARG name=default`, several in one: with the values that hold. */
  declare(step: Step, variables: ReadonlyMap<string, string>): [string, string | undefined][] {
    return this.#parse(step, variables).map(([name, value]) => [name, value ?? this.globals.get(name)])
  }

  /** Names that --build-arg gave and that nothing asked for. */
  unused(): string[] {
    return unconsumed(this.#given, this.#used).filter((name) => !PLATFORM_NAMES.has(name))
  }

  #parse(step: Step, variables: ReadonlyMap<string, string>): [string, string | undefined][] {
    const expand = (text: string) => expandVariables(text, variables, this.#escape)
    return step.rest.split(/\s+(?=[A-Za-z_]\w*(?:=|\s|$))/).map((item) => {
      const [pair] = item.includes('=') ? keyValues('ARG', item, expand) : [[item.trim(), undefined] as const]
      const [name, preset] = pair ?? ['', undefined]
      this.#used.add(name)
      return [name, this.#given[name] ?? preset]
    })
  }
}

/** https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope */
function platformArguments(target: string | undefined): Map<string, string> {
  const own = platformText(hostPlatform())
  const map = new Map<string, string>()
  for (const [prefix, text] of [
    ['BUILD', own],
    ['TARGET', target ?? own],
  ] as const) {
    const [os = '', architecture = '', variant = ''] = text.split('/')
    map.set(`${prefix}PLATFORM`, text)
    map.set(`${prefix}OS`, os)
    map.set(`${prefix}ARCH`, architecture)
    map.set(`${prefix}VARIANT`, variant)
  }
  return map
}

const PLATFORM_NAMES = new Set(platformArguments(undefined).keys())
