/** An image's defaults under a container's own configuration, as dockerd merges them. Pure. */
import type { ContainerConfig, HealthConfig } from '../../api/containers.ts'

export function mergeConfig(own: ContainerConfig, image: ContainerConfig): ContainerConfig {
  const merged: ContainerConfig = { ...own }
  if (!merged.User && image.User) merged.User = image.User
  if (!merged.WorkingDir) merged.WorkingDir = image.WorkingDir ?? ''
  if (!merged.StopSignal && image.StopSignal) merged.StopSignal = image.StopSignal
  if (merged.StopTimeout === undefined && image.StopTimeout != null) merged.StopTimeout = image.StopTimeout
  if ((merged.Shell?.length ?? 0) === 0 && image.Shell) merged.Shell = image.Shell
  if (image.ExposedPorts) merged.ExposedPorts = { ...image.ExposedPorts, ...merged.ExposedPorts }
  if (image.Volumes) merged.Volumes = { ...image.Volumes, ...merged.Volumes }
  merged.Labels = { ...image.Labels, ...merged.Labels }
  merged.Env = mergeEnv(own.Env ?? [], image.Env ?? [])
  mergeCommand(merged, image)
  const healthcheck = mergeHealth(own.Healthcheck ?? undefined, image.Healthcheck ?? undefined)
  if (healthcheck) merged.Healthcheck = healthcheck
  return merged
}

/** The container's variables first, then the image's that it does not set; a bare `NAME` removes the image's. */
export function mergeEnv(own: readonly string[], image: readonly string[]): string[] {
  const names = new Set(own.map(nameOf))
  return [...own, ...image.filter((entry) => !names.has(nameOf(entry)))]
}

/** `Entrypoint: ['']` resets the image's entrypoint and with it its Cmd. */
function mergeCommand(merged: ContainerConfig, image: ContainerConfig): void {
  const entrypoint = merged.Entrypoint ?? []
  if (entrypoint.length === 0) {
    if ((merged.Cmd?.length ?? 0) === 0 && image.Cmd) {
      merged.Cmd = image.Cmd
      if (image.ArgsEscaped) merged.ArgsEscaped = true
    }
    merged.Entrypoint = image.Entrypoint && image.Entrypoint.length > 0 ? image.Entrypoint : null
  }
  if (entrypoint.length === 1 && entrypoint[0] === '') merged.Entrypoint = null
}

function mergeHealth(
  own: HealthConfig | undefined,
  image: HealthConfig | undefined,
): HealthConfig | undefined {
  if (!image || !own) return own ?? image
  const merged: HealthConfig = { ...own }
  if ((merged.Test?.length ?? 0) === 0 && image.Test) merged.Test = image.Test
  for (const key of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'] as const) {
    const value = image[key]
    if (!merged[key] && value) merged[key] = value
  }
  return merged
}

/** Program and arguments; an empty list when neither image nor user names one. */
export function commandLine(config: ContainerConfig): string[] {
  return [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]
}

function nameOf(entry: string): string {
  const at = entry.indexOf('=')
  return at < 0 ? entry : entry.slice(0, at)
}
