/** The unpacking thread of root tests, as main.ts starts it from the bundle. */
import { parentPort } from 'node:worker_threads'
import { LibcKernel } from '../linux/libc.ts'
import { serveUnpacking } from './unpack-worker.ts'

if (parentPort) serveUnpacking(parentPort, new LibcKernel())
