import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Root of the checkout; every command runs there. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

const started = Date.now()

/** One step of the set-up, on stderr: stdout belongs to the command. */
export function step(text) {
  const seconds = ((Date.now() - started) / 1000).toFixed(0).padStart(4)
  process.stderr.write(`[${seconds}s] ${text}\n`)
}

/** Says what is wrong and ends the process. */
export function fail(text) {
  process.stderr.write(`slipway: ${text}\n`)
  process.exit(1)
}

/**
 * Runs a program in the checkout with our stdio and answers its exit code. Fails on another code than 0 unless
 * `check` is false. Signals reach the child first, so that it can clean up; we end when it does.
 */
export function run(command, args, { check = true, background = false, env = {}, quiet = false } = {}) {
  const child = spawn(command, args, {
    cwd: ROOT,
    stdio: quiet ? ['ignore', 'ignore', 'inherit'] : 'inherit',
    env: { ...process.env, ...env },
    shell: process.platform === 'win32' && command === 'npx',
  })
  const forward = (signal) => child.kill(signal)
  process.on('SIGINT', forward).on('SIGTERM', forward)
  if (background) return child
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${command} cannot be started: ${error.message}`)))
    child.once('close', (code, signal) => {
      process.off('SIGINT', forward).off('SIGTERM', forward)
      const status = code ?? 128
      if (check && status !== 0)
        reject(new Error(`${command} ${args.join(' ')} failed (${signal ?? `exit code ${code}`})`))
      else resolve(status)
    })
  })
}
