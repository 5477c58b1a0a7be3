import type { MachineState } from '../../app/machine/state.ts'
import type { ContainerSummary } from '../../vm/api/containers.ts'
import { EngineError } from '../../vm/api/errors.ts'
import type { Handlers } from './fake-streams.ts'
import { seedContainers, seedImages, seedMachine, seedSettings, seedVolumes } from './seed.ts'

export type Methods = Record<string, (...args: never[]) => unknown>

/** What there is, and who listens to its changes. */
export class World {
  containers: ContainerSummary[]
  images = seedImages()
  volumes = seedVolumes()
  settings
  machine: MachineState
  readonly listeners = new Map<string, Set<Handlers>>()
  readonly query: URLSearchParams

  constructor(query: URLSearchParams) {
    this.query = query
    this.containers = seedContainers(Number(query.get('containers') ?? 12))
    this.settings = seedSettings(query)
    this.machine = seedMachine(query.get('machine'))
    if (query.has('noimages')) this.images = []
  }

  emit(stream: string, value: unknown): void {
    for (const handlers of this.listeners.get(stream) ?? []) void handlers.data(value)
  }

  event(Action: string, id: string): void {
    this.emit('events', {
      Type: 'container',
      Action,
      Actor: { ID: id, Attributes: {} },
      scope: 'local',
      time: 0,
      timeNano: 0,
    })
  }

  find(id: string): ContainerSummary {
    const found = this.containers.find((one) => one.Id === id || one.Names[0] === `/${id}`)
    if (!found) throw new EngineError('not_found', `No such container: ${id}`)
    return found
  }

  set(id: string, part: Partial<ContainerSummary>, action: string): void {
    const { Id } = this.find(id)
    this.containers = this.containers.map((one) => (one.Id === Id ? { ...one, ...part } : one))
    setTimeout(() => this.event(action, Id), 60)
  }

  change(machine: MachineState): void {
    this.machine = machine
    this.emit('machine.states', machine)
  }

  startMachine(): void {
    const steps = ['prepare', 'launch', 'kernel', 'disk', 'connect', 'engine', 'ports'] as const
    steps.forEach((step, index) => {
      setTimeout(() => this.change({ state: 'starting', step, since: Date.now() }), index * 700)
    })
    setTimeout(() => this.change(seedMachine('running')), steps.length * 700)
  }
}
