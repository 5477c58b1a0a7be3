import { expect, it } from 'vitest'
import { hostPlatform, platformText } from '../images/platform.ts'
import { BuildArguments } from './arguments.ts'
import { parseDockerfile } from './dockerfile.ts'

const scopes = (text: string, given: Record<string, string>, platform?: string) => {
  const { globalArguments, stages } = parseDockerfile(text)
  const args = new BuildArguments({ given, platform, escape: '\\' })
  for (const step of globalArguments) args.declareGlobal(step)
  const steps = stages.flatMap((stage) => stage.steps)
  return { args, declared: Object.fromEntries(steps.flatMap((step) => args.declare(step, args.globals))) }
}

it('what is before FROM holds in a stage that asks for it; what is given wins', () => {
  const { declared, args } = scopes('ARG A=1\nARG B=$A-b C\nFROM x\nARG A\nARG B\nARG C\nARG D=own\nARG E', {
    C: 'given',
    D: 'too',
    Z: 'nobody asks',
  })
  expect(declared).toEqual({ A: '1', B: '1-b', C: 'given', D: 'too', E: undefined })
  expect(args.unused()).toEqual(['Z'])
})

it('knows the platforms', () => {
  const { declared, args } = scopes(
    'FROM x\nARG TARGETPLATFORM TARGETARCH TARGETVARIANT BUILDPLATFORM',
    { TARGETOS: 'given' },
    'linux/arm/v7',
  )
  expect(declared).toEqual({
    TARGETPLATFORM: 'linux/arm/v7',
    TARGETARCH: 'arm',
    TARGETVARIANT: 'v7',
    BUILDPLATFORM: platformText(hostPlatform()),
  })
  expect(args.unused()).toEqual([])
})
