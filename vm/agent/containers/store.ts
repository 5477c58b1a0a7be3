import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, messageOf } from '../../api/errors.ts'
import { writeJson } from '../content/write-json.ts'
import { type ContainerRecord, RECORD_VERSION } from './record.ts'

const FILE = 'container.json'
const ID = /^[0-9a-f]{64}$/

/**
 * Containers on disk: `<root>/<id>/container.json`, written atomically. Everything else of a container
 * (log, hosts, resolv.conf) lives beside that file, so removing the directory removes it all.
 */
export class ContainerStore {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  directory(id: string): string {
    return join(this.root, id)
  }

  /** `durable: false` where a crash of the VM ends the container anyway, so that nothing waits for the disk. */
  async save(record: ContainerRecord, options: { durable?: boolean } = {}): Promise<void> {
    const directory = this.directory(record.id)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await writeJson(join(directory, FILE), record, options)
  }

  /** `durable: false` removes the record alone, and leaves the rest of the directory to the caller. */
  async remove(id: string, { durable = true } = {}): Promise<void> {
    // The record goes first: a crash in between leaves a directory that the next start sweeps.
    await rm(join(this.directory(id), FILE), { force: true })
    if (!durable) return
    await syncDirectory(this.directory(id))
    await rm(this.directory(id), { recursive: true, force: true })
  }

  /**
   * Every container that was saved whole. Directories without a record are half-made or half-removed: they are deleted
   * and reported in `swept`. A record that cannot be read is left alone and reported in `damaged`.
   */
  async load(): Promise<{ records: ContainerRecord[]; swept: string[]; damaged: string[] }> {
    await mkdir(this.root, { recursive: true, mode: 0o700 })
    const found = { records: [] as ContainerRecord[], swept: [] as string[], damaged: [] as string[] }
    for (const name of await readdir(this.root)) {
      try {
        found.records.push(parse(await readFile(join(this.root, name, FILE), 'utf8'), name))
      } catch (error) {
        if (isMissing(error)) {
          await rm(join(this.root, name), { recursive: true, force: true })
          found.swept.push(name)
        } else found.damaged.push(`${name}: ${messageOf(error)}`)
      }
    }
    return found
  }
}

function parse(text: string, name: string): ContainerRecord {
  const record = JSON.parse(text) as ContainerRecord
  if (record.version !== RECORD_VERSION || record.id !== name || !ID.test(record.id)) {
    throw new EngineError('data_loss', `container ${name}: record of unknown version or identity`)
  }
  return record
}

/** Makes names in a directory durable; one that is gone needs nothing. */
async function syncDirectory(path: string): Promise<void> {
  let directory: FileHandle
  try {
    directory = await open(path)
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
