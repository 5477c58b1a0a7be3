import type { Kernel } from '../linux/kernel.ts'

/** Overlay's mark of a directory that hides the one below it; `y` where it does. */
export const OPAQUE_XATTR = 'trusted.overlay.opaque'

/** Whether everything that lower layers have in the directory `path` is hidden. */
export function isOpaque(kernel: Pick<Kernel, 'getXattr'>, path: string): boolean {
  return kernel.getXattr(path, OPAQUE_XATTR)?.[0] === 'y'.charCodeAt(0)
}
