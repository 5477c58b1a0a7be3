/** Filters of `docker events`. Pure. */
import type { EventMessage } from '../../api/system.ts'

type Filters = Record<string, string[]>

/** Keys that it does not know are ignored, as in dockerd. */
export function eventFilter(filters: Filters): (event: EventMessage) => boolean {
  const any = (key: string, test: (value: string) => boolean) => {
    const values = filters[key]
    return !values || values.length === 0 || values.some(test)
  }
  return (event) => {
    const { ID: id, Attributes: attributes } = event.Actor
    const subject = (type: string) => (value: string) =>
      event.Type === type && (id === value || id.startsWith(value) || attributes['name'] === value)
    return (
      any('type', (value) => event.Type === value) &&
      any('scope', (value) => event.scope === value) &&
      any('event', (value) => event.Action === value || event.Action.startsWith(`${value}:`)) &&
      any('container', subject('container')) &&
      any('volume', subject('volume')) &&
      any('network', subject('network')) &&
      any('daemon', subject('daemon')) &&
      any('image', (value) => matchesImage(event, value)) &&
      (filters['label'] ?? []).every((label) => hasLabel(attributes, label)) &&
      ['config', 'node', 'plugin', 'secret', 'service'].every((key) => any(key, () => false))
    )
  }
}

/** Events of the image, and of containers made from it; with and without its tag. */
function matchesImage(event: EventMessage, wanted: string): boolean {
  const { ID: id, Attributes: attributes } = event.Actor
  const names =
    event.Type === 'image'
      ? [id, attributes['name']]
      : event.Type === 'container'
        ? [attributes['image']]
        : []
  return names.some((name) => name !== undefined && (name === wanted || withoutTag(name) === wanted))
}

function withoutTag(name: string): string {
  const colon = name.lastIndexOf(':')
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name
}

function hasLabel(attributes: Record<string, string>, wanted: string): boolean {
  const at = wanted.indexOf('=')
  const value = attributes[at < 0 ? wanted : wanted.slice(0, at)]
  return value !== undefined && (at < 0 || value === wanted.slice(at + 1))
}
