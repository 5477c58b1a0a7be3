import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { release } from 'node:os'
import type { MachineRecord, Verdict } from './machine-json.ts'
import type { Accelerator } from './state.ts'

/**
 * A guest under a working accelerator says its first line 1–2 s after QEMU started (3.6 s even when emulated). One that
 * said nothing after 8 s hangs: there are hosts whose /dev/kvm opens and whose guests never leave the firmware.
 */
export const PROOF_MS = 8_000

/** A refusal is not for ever: what the host runs in may have been mended without any version changing. */
const RETRY_AFTER_MS = 7 * 24 * 3600 * 1000

export interface Choice {
  readonly accelerator: Accelerator
  /** True while it has not yet brought up a guest on this host: it gets `PROOF_MS` and no more. */
  readonly proving: boolean
  /** Why this one and not a better one. */
  readonly note?: string
}

/** What a verdict is about: another kernel or QEMU may do better. */
export function verdictKey(accelerator: Accelerator, qemuVersion: string, hostKernel = release()): string {
  return `${accelerator} ${hostKernel} qemu-${qemuVersion}`
}

interface Candidates {
  readonly accelerators: readonly Accelerator[]
  readonly version: string
  readonly verdicts: MachineRecord['verdicts']
  /** What is wrong with an accelerator at first sight. */
  readonly problem: (accelerator: Accelerator) => Promise<string | undefined>
  readonly now: number
}

/**
 * What to try, in order. tcg is the last and never fails to be there; it carries the reasons why the others are not tried.
 */
export async function chooseAccelerators(candidates: Candidates): Promise<Choice[]> {
  const { accelerators, version, verdicts, problem, now } = candidates
  const choices: Choice[] = []
  const notes: string[] = []
  for (const accelerator of accelerators.filter((name) => name !== 'tcg')) {
    const verdict = verdicts[verdictKey(accelerator, version)]
    const known = verdict && !verdict.works && now - verdict.at < RETRY_AFTER_MS ? verdict.reason : undefined
    const reason = (await problem(accelerator)) ?? known
    if (reason === undefined) choices.push({ accelerator, proving: !verdict?.works })
    else notes.push(reason)
  }
  return [
    ...choices,
    { accelerator: 'tcg', proving: false, ...(notes.length > 0 ? { note: notes.join('; ') } : {}) },
  ]
}

/** The choices that are left after the first one failed for `reason`; the next one carries it. */
export function withoutFirst([, next, ...rest]: readonly Choice[], reason: string): Choice[] {
  if (!next) return []
  return [{ ...next, note: [reason, next.note].filter(Boolean).join('; ') }, ...rest]
}

export function verdict(works: boolean, now: number, reason?: string): Verdict {
  return { works, at: now, ...(reason === undefined ? {} : { reason }) }
}

/** What forbids an accelerator without any need to try it. */
export async function firstSight(accelerator: Accelerator, device = '/dev/kvm'): Promise<string | undefined> {
  if (accelerator !== 'kvm') return undefined
  try {
    await (await open(device, constants.O_RDWR)).close()
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT')
      return `no ${device}: virtualization is switched off in the firmware or not offered to this machine`
    if (code === 'EACCES' || code === 'EPERM')
      return `${device} is not open to this user: add them to the group kvm`
    return `${device} cannot be opened (${code})`
  }
}
