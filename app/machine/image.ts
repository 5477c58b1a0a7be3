import type { Arch } from './driver.ts'

/** What a machine boots from. Paths are absolute. */
export interface MachineImage {
  readonly arch: Arch
  /** Hash of the recipe that built it. */
  readonly recipe: string
  readonly kernel: string
  readonly initrd: string
  readonly systemDisk: string
  /** The guest's serial console (`console=` of the kernel). */
  readonly console: string
  /** The engine agent's bundle (`main.js`), which travels apart from the image. */
  readonly agent: string
}

export interface LocateOptions {
  readonly arch: Arch
  /** The engine agent's bundle. */
  readonly agent: string
  /** The packaged app's resources folder, when there is one; an image is looked for in its `image/<arch>`. */
  readonly resources?: string
  readonly env?: NodeJS.ProcessEnv
}

/**
 * The image to boot: the folder of SLIPWAY_IMAGE, else the packaged one, else the newest of this architecture in
 * `${XDG_CACHE_HOME:-~/.cache}/slipway/image`. Fails with `not_found` and a hint when there is none.
 */
export declare function locateImage(options: LocateOptions): Promise<MachineImage>
