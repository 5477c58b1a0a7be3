import { boot } from './boot.tsx'
import { pickBridge } from './transport.ts'

await boot(pickBridge())
