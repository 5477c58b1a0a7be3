import { Box, Brush, Cpu, HardDrive, Layers, type LucideIcon, Network } from 'lucide-react'
import type { PAGES } from '../shortcuts.ts'

/** A page looks the same in the sidebar and among the commands. */
export const PAGE_ICONS: Readonly<Record<(typeof PAGES)[number], LucideIcon>> = {
  containers: Box,
  images: Layers,
  volumes: HardDrive,
  networks: Network,
  cleanup: Brush,
  machine: Cpu,
}
