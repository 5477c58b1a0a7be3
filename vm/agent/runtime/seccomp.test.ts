import { describe, expect, test } from 'vitest'
import { DEFAULT_CAPABILITIES } from './capabilities.ts'
import { type Seccomp, seccompSection } from './seccomp.ts'

const ordinary = { arch: 'amd64' as const, capabilities: DEFAULT_CAPABILITIES }
const withAdmin = { ...ordinary, capabilities: [...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN'] }

/** What happens to a system call when no argument matters. */
function verdict(section: Seccomp | undefined, name: string): string {
  const rule = section?.syscalls.find(({ names, args }) => names.includes(name) && !args)
  return rule
    ? `${rule.action} ${rule.errnoRet ?? ''}`.trim()
    : `${section?.defaultAction} ${section?.defaultErrnoRet}`
}

describe('builtin', () => {
  const section = seccompSection('builtin', ordinary)

  test.each([
    ['read', 'SCMP_ACT_ALLOW'],
    ['ptrace', 'SCMP_ACT_ALLOW'],
    ['chroot', 'SCMP_ACT_ALLOW'],
    ['arch_prctl', 'SCMP_ACT_ALLOW'],
    ['mount', 'SCMP_ACT_ERRNO 1'],
    ['unshare', 'SCMP_ACT_ERRNO 1'],
    ['keyctl', 'SCMP_ACT_ERRNO 1'],
    ['io_uring_setup', 'SCMP_ACT_ERRNO 1'],
    ['clone3', 'SCMP_ACT_ERRNO 38'],
    ['bpf', 'SCMP_ACT_ERRNO 1'],
  ])('%s: %s', (name, expected) => {
    expect(verdict(section, name)).toBe(expected)
  })

  test('clone is allowed but for new namespaces', () => {
    const [rule] = section?.syscalls.filter(({ names }) => names.includes('clone')) ?? []
    expect(rule?.args).toEqual([{ index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }])
  })

  test('sockets of every family but AF_ALG and AF_VSOCK', () => {
    const ranges = section?.syscalls
      .filter(({ names }) => names.includes('socket'))
      .map(({ args }) => args?.[0])
    const allowed = (family: number) =>
      ranges?.some(
        (range) =>
          (range?.op === 'SCMP_CMP_LT' && family < range.value) ||
          (range?.op === 'SCMP_CMP_EQ' && family === range.value) ||
          (range?.op === 'SCMP_CMP_GT' && family > range.value),
      )
    const families = Array.from({ length: 46 }, (_, family) => family)
    expect(families.filter((family) => !allowed(family))).toEqual([38, 40])
  })

  test('a capability brings its system calls', () => {
    const admin = seccompSection('builtin', withAdmin)
    expect([verdict(admin, 'mount'), verdict(admin, 'clone3')]).toEqual(['SCMP_ACT_ALLOW', 'SCMP_ACT_ALLOW'])
    expect(admin?.syscalls.some(({ errnoRet }) => errnoRet === 38)).toBe(false)
  })

  test('arm64 has its own calls', () => {
    const arm = seccompSection('builtin', { ...ordinary, arch: 'arm64' })
    expect(arm?.architectures).toEqual(['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'])
    expect([verdict(arm, 'cacheflush'), verdict(arm, 'arch_prctl')]).toEqual([
      'SCMP_ACT_ALLOW',
      'SCMP_ACT_ERRNO 1',
    ])
  })

  test('the same container gives the same text, which crun caches by', () => {
    expect(JSON.stringify(seccompSection('builtin', ordinary))).toBe(JSON.stringify(section))
  })
})

test('unconfined has no filter', () => {
  expect(seccompSection('unconfined', ordinary)).toBeUndefined()
})

describe("a profile in Docker's format", () => {
  const profile = JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    archMap: [
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] },
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: null },
    ],
    syscalls: [
      { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', args: null, errnoRet: 5 },
      { name: 'chmod', action: 'SCMP_ACT_ERRNO', args: [], includes: {}, excludes: {} },
      { names: ['mount'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['bpf'], action: 'SCMP_ACT_LOG', includes: { caps: ['CAP_SYS_ADMIN'], minKernel: '4.8' } },
      { names: ['stime'], action: 'SCMP_ACT_LOG', includes: { arches: ['arm64'] } },
    ],
  })

  test('conditions are decided', () => {
    expect(seccompSection(profile, ordinary)).toEqual({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [
        { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 5 },
        { names: ['chmod'], action: 'SCMP_ACT_ERRNO' },
        { names: ['mount'], action: 'SCMP_ACT_ERRNO' },
      ],
    })
    const names = seccompSection(profile, withAdmin)?.syscalls.flatMap((rule) => rule.names)
    expect(names).toEqual(['mkdir', 'chmod', 'bpf'])
  })

  test.each([
    ['{', 'Decoding seccomp profile failed: '],
    ['{"syscalls": []}', 'Decoding seccomp profile failed: defaultAction: '],
    ['{"defaultAction": "A", "syscalls": [{"names": ["a"], "action": 1}]}', 'failed: syscalls.0.action: '],
    [
      '{"defaultAction": "A", "syscalls": [{"names": ["a"], "name": "b", "action": "A"}]}',
      "both 'name' and 'names'",
    ],
  ])('%s is refused', (text, message) => {
    expect(() => seccompSection(text, ordinary)).toThrow(message)
  })
})
