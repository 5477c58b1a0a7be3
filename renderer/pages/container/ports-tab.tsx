import { ArrowRight, ExternalLink, Plug, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import type { PortRoute } from '../../../app/contract.ts'
import type { ContainerInspect } from '../../../vm/api/containers.ts'
import type { PublishedPort } from '../../../vm/api/slipway.ts'
import { openUrl, portUrl } from '../../actions.ts'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { Select, TextInput } from '../../components/field.tsx'
import { Column, Section } from '../../components/page.tsx'
import { Loaded, Notice } from '../../components/states.tsx'
import { Dot } from '../../components/status.tsx'
import { failureOf } from '../../errors.ts'
import { useI18n } from '../../i18n.ts'
import { resources, useResource } from '../../resources.ts'

/** Published ports hop by hop; changed while the container runs, which Docker cannot. */
export function PortsTab({ id, container }: { id: string; container: ContainerInspect }) {
  const { t } = useI18n()
  const tags = [`container:${id}`, 'containers', `ports:${id}`]
  const ports = useResource(`ports:${id}`, tags, (signal) => call('containers.ports', [id], { signal }))
  const [failure, setFailure] = useState<string | undefined>(undefined)
  const [pending, setPending] = useState(false)
  const save = async (next: PublishedPort[]): Promise<boolean> => {
    setPending(true)
    setFailure(undefined)
    try {
      await call('containers.setPorts', [id, next])
      resources.invalidate(`ports:${id}`)
      return true
    } catch (error) {
      setFailure(failureOf(error))
      return false
    } finally {
      setPending(false)
    }
  }
  return (
    <Column>
      <Section title={t('ports.published')}>
        <p className="muted section-text">{t('ports.text')}</p>
        {failure && <Notice tone="error">{failure}</Notice>}
        <Loaded resource={ports} tags={tags} rows={2}>
          {(routes) => {
            const published = routes.map((route) => route.port)
            const rows = mergeFamilies(routes)
            return (
              <div className="card">
                {rows.map((route) => (
                  <RouteRow
                    key={`${route.port.protocol}${route.port.hostIp}:${route.port.hostPort}`}
                    route={route}
                    disabled={pending}
                    onRemove={() => void save(published.filter((port) => !sameListener(port, route.port)))}
                  />
                ))}
                {routes.length === 0 && (
                  <div className="card-row muted">
                    <Plug size={15} aria-hidden />
                    {t('ports.none')}
                  </div>
                )}
                <AddPort
                  container={container}
                  pending={pending}
                  onAdd={async (port) => {
                    if (port.hostPort !== 0 && published.some((one) => sameListener(one, port))) {
                      setFailure(t('ports.already', { port: port.hostPort }))
                      return false
                    }
                    return save([...published, port])
                  }}
                />
              </div>
            )
          }}
        </Loaded>
      </Section>
    </Column>
  )
}

const LOOPBACK = ['127.0.0.1', '::1']
const ANY = ['0.0.0.0', '::', '']

function sameListener(a: PublishedPort, b: PublishedPort): boolean {
  const scope = (ip: string): string => (LOOPBACK.includes(ip) ? 'localhost' : ANY.includes(ip) ? '*' : ip)
  return a.protocol === b.protocol && a.hostPort === b.hostPort && scope(a.hostIp) === scope(b.hostIp)
}

/** One row for a port that listens on both address families. */
function mergeFamilies(routes: readonly PortRoute[]): PortRoute[] {
  return routes.filter(
    (route, index) => routes.findIndex((other) => sameListener(other.port, route.port)) === index,
  )
}

function RouteRow({
  route,
  disabled,
  onRemove,
}: {
  route: PortRoute
  disabled: boolean
  onRemove: () => void
}) {
  const { t } = useI18n()
  const { port, state } = route
  const web = port.protocol === 'tcp' && state.listening
  return (
    <div className="card-row">
      <Dot tone={state.listening ? 'green' : 'red'} />
      <div className="grow">
        <ol className="hops">
          {route.hops.map((hop, index) => (
            <li key={hop.label} className="hop">
              {index > 0 && <ArrowRight size={13} className="faint" aria-hidden />}
              <span>
                <span className="hop-label">{t(`ports.hop.${hop.label}`)}</span>
                <code>
                  {hop.address.includes(':') ? `[${hop.address}]` : hop.address}:{hop.port}
                </code>
              </span>
            </li>
          ))}
          {port.protocol === 'udp' && <li className="faint">UDP</li>}
        </ol>
        {!state.listening && <p className="field-problem">{state.error}</p>}
      </div>
      {web && (
        <IconButton
          icon={ExternalLink}
          label={t('containers.openPort', { port: port.hostPort })}
          onClick={() => openUrl(portUrl(port.hostIp, port.hostPort))}
        />
      )}
      <IconButton
        icon={Trash2}
        label={t('ports.remove', { port: port.hostPort })}
        disabled={disabled}
        onClick={onRemove}
      />
    </div>
  )
}

interface AddPortProps {
  container: ContainerInspect
  pending: boolean
  onAdd: (port: PublishedPort) => Promise<boolean>
}

function AddPort({ container, pending, onAdd }: AddPortProps) {
  const { t } = useI18n()
  const exposed = Object.keys(container.Config.ExposedPorts ?? {})[0]?.split('/')
  const [host, setHost] = useState('')
  const [inside, setInside] = useState(exposed?.[0] ?? '')
  const [protocol, setProtocol] = useState<'tcp' | 'udp'>(exposed?.[1] === 'udp' ? 'udp' : 'tcp')
  const valid =
    /^\d+$/.test(inside) &&
    Number(inside) > 0 &&
    Number(inside) < 65_536 &&
    (host === '' || (/^\d+$/.test(host) && Number(host) < 65_536))
  const add = async (): Promise<void> => {
    if (!valid) return
    const done = await onAdd({
      containerPort: Number(inside),
      protocol,
      hostIp: '127.0.0.1',
      hostPort: host === '' ? 0 : Number(host),
    })
    if (done) setHost('')
  }
  return (
    <form
      className="card-row port-add"
      onSubmit={(event) => {
        event.preventDefault()
        void add()
      }}
    >
      <TextInput
        inputMode="numeric"
        aria-label={t('run.hostPort')}
        placeholder={t('ports.anyPort')}
        value={host}
        onChange={(event) => setHost(event.target.value)}
      />
      <ArrowRight size={13} className="faint" aria-hidden />
      <TextInput
        inputMode="numeric"
        aria-label={t('run.containerPort')}
        placeholder={t('run.containerPort')}
        value={inside}
        onChange={(event) => setInside(event.target.value)}
      />
      <div className="form-narrow">
        <Select
          label={t('run.protocol')}
          value={protocol}
          options={[
            { value: 'tcp', label: 'TCP' },
            { value: 'udp', label: 'UDP' },
          ]}
          onChange={setProtocol}
        />
      </div>
      <Button type="submit" icon={Plus} busy={pending} disabled={!valid}>
        {t('ports.add')}
      </Button>
    </form>
  )
}
