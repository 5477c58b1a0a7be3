/** Waits for files that other processes put into a folder: one inotify watch for everybody who waits. */
import { watch } from 'node:fs'

/** Reads what is waited for; undefined: not there yet. */
export type Look<T> = () => Promise<T | undefined>

export class FileArrival implements Disposable {
  readonly #looks = new Map<string, Set<() => void>>()
  readonly #watcher: ReturnType<typeof watch>

  /** `folder` must exist. */
  constructor(folder: string) {
    this.#watcher = watch(folder, { persistent: false }, (_, name) => this.#notify(name))
  }

  /** Resolves with what `look` finds, at once or after file `name` changed. Rejects with the signal's reason. */
  wait<T>(name: string, look: Look<T>, options: { signal?: AbortSignal } = {}): Promise<T> {
    const { signal } = options
    return new Promise<T>((resolve, reject) => {
      const settle = (act: () => void) => {
        looks.delete(check)
        if (looks.size === 0) this.#looks.delete(name)
        signal?.removeEventListener('abort', aborted)
        act()
      }
      const check = () => {
        look().then(
          (found) => found !== undefined && settle(() => resolve(found)),
          (error: unknown) => settle(() => reject(error)),
        )
      }
      const aborted = () => settle(() => reject(signal?.reason))
      const looks = this.#looks.get(name) ?? new Set()
      this.#looks.set(name, looks.add(check))
      signal?.addEventListener('abort', aborted, { once: true })
      if (signal?.aborted) aborted()
      else check()
    })
  }

  [Symbol.dispose](): void {
    this.#watcher.close()
  }

  /** Without a name (the queue overflowed) everybody looks. */
  #notify(name: string | null): void {
    const sets = name === null ? [...this.#looks.values()] : [this.#looks.get(name)]
    for (const looks of sets) for (const look of [...(looks ?? [])]) look()
  }
}
