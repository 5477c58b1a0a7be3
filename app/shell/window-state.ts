import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { writeFileAtomic } from '../atomic-file.ts'

export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

const number = v.pipe(v.number(), v.integer())
const schema = v.object({
  bounds: v.object({ x: number, y: number, width: number, height: number }),
  maximized: v.boolean(),
})
export type WindowState = v.InferOutput<typeof schema>

/** The window as it was left; undefined when it is not known or would be out of sight on today's displays. */
export async function loadWindowState(
  path: string,
  displays: readonly Rectangle[],
): Promise<WindowState | undefined> {
  let stored: unknown
  try {
    stored = JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
  const parsed = v.safeParse(schema, stored)
  if (!parsed.success) return undefined
  return displays.some((display) => reachable(parsed.output.bounds, display)) ? parsed.output : undefined
}

/** Enough of the title bar is on the display to be taken hold of. */
function reachable(bounds: Rectangle, display: Rectangle): boolean {
  const across = Math.min(bounds.x + bounds.width, display.x + display.width) - Math.max(bounds.x, display.x)
  return across >= 100 && bounds.y >= display.y - 10 && bounds.y < display.y + display.height - 40
}

export async function saveWindowState(path: string, state: WindowState): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(state)}\n`)
}
