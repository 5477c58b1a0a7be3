import type { MachineStateName } from '../machine/state.ts'

/** Red, green, blue. */
type Colour = readonly [number, number, number]

const HULL: Colour = [122, 134, 154]
const BADGE: Readonly<Record<MachineStateName, Colour | undefined>> = {
  stopped: undefined,
  starting: [245, 166, 35],
  running: [46, 184, 92],
  degraded: [245, 166, 35],
  stopping: [245, 166, 35],
  failed: [224, 62, 62],
}

/** Samples per pixel and axis: smooth edges without a graphics library. */
const SAMPLES = 4

/**
 * The tray's picture of a state as BGRA bitmap of `size` × `size`: a hull with two containers, grey when nothing runs,
 * and a dot in the state's colour. Pure.
 */
export function drawTrayIcon(state: MachineStateName, size: number): Buffer {
  const bitmap = Buffer.alloc(size * size * 4)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const sum = [0, 0, 0, 0]
      for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
        const u = (x + ((sample % SAMPLES) + 0.5) / SAMPLES) / size
        const v = (y + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / size
        const colour = colourAt(state, u, v)
        if (!colour) continue
        sum[0] = (sum[0] ?? 0) + colour[2]
        sum[1] = (sum[1] ?? 0) + colour[1]
        sum[2] = (sum[2] ?? 0) + colour[0]
        sum[3] = (sum[3] ?? 0) + 255
      }
      // Premultiplied, as the platform's bitmaps are.
      bitmap.set(
        sum.map((value) => Math.round(value / (SAMPLES * SAMPLES))),
        (y * size + x) * 4,
      )
    }
  }
  return bitmap
}

/** Coordinates from 0 to 1, top left first. */
function colourAt(state: MachineStateName, x: number, y: number): Colour | undefined {
  const badge = BADGE[state]
  if (badge) {
    const distance = Math.hypot(x - 0.78, y - 0.24)
    if (distance < 0.2) return badge
    if (distance < 0.27) return undefined
  }
  const stacked = y > 0.2 && y < 0.5 && ((x > 0.18 && x < 0.46) || (x > 0.52 && x < 0.8))
  if (stacked) return HULL
  const inset = ((y - 0.56) / 0.28) * 0.2
  return y > 0.56 && y < 0.84 && x > 0.04 + inset && x < 0.96 - inset ? HULL : undefined
}
