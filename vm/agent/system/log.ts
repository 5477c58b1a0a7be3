/** The agent's log: one line per message on stdout, which init keeps. */
export function log(message: string): void {
  process.stdout.write(`${new Date().toISOString()} ${message}\n`)
}
