/** Contract: where a bind's source lies, which may be a path of the user's computer. */

export interface Place {
  /** The path in the VM that is bound, links in it resolved where the user's computer has it. */
  path: string
  exists: boolean
}

export interface LocateOptions {
  /** How long the user's computer may take to answer, in milliseconds. */
  wait?: number
}

export interface BindSources {
  /** Whether it is a path at all, not the name of a volume; on Windows paths begin with a drive, too. */
  isPath(source: string): boolean
  /** Whether `locate` will ask the user's computer: it shares the source, or the VM does not have it. */
  needsHost(source: string): Promise<boolean>
  /**
   * Refuses what lies on the user's computer, is not shared and is not in the VM either; 'permission_denied', in the
   * words of Docker Desktop.
   */
  check(source: string): Promise<void>
  /**
   * Where the source is. Shared folders are mounted first; 'unavailable' when the user's computer does not answer. Refuses
   * what `check` refuses.
   */
  locate(source: string, options?: LocateOptions): Promise<Place>
  /** Resolves when the user's computer can be asked, or after `ms`. */
  settle(ms: number): Promise<void>
}
