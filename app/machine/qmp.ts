/** One monitor connection. */
export interface Qmp {
  /** Runs a QMP command and answers its `return`. */
  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options?: { signal?: AbortSignal },
  ): Promise<unknown>
}
