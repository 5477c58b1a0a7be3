import { boot } from '../boot.tsx'
import { fakeBridge } from './fake-bridge.ts'

/** `?containers=500&machine=failed&theme=dark&language=ko&logs=5000` */
await boot(fakeBridge(new URLSearchParams(window.location.search)))
