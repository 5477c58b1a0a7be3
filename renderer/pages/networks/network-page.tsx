import { Plus, Unplug } from 'lucide-react'
import type { NetworkInspect } from '../../../vm/api/networks.ts'
import { act, nameOf } from '../../actions.ts'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { EngineGate } from '../../components/engine-gate.tsx'
import { openMenu } from '../../components/menu.tsx'
import { Column, Page, Section } from '../../components/page.tsx'
import { Loaded } from '../../components/states.tsx'
import { useI18n } from '../../i18n.ts'
import { useContainers } from '../../queries.ts'
import { useResource } from '../../resources.ts'
import { href } from '../../router.ts'

export function NetworkPage({ id }: { id: string }) {
  const network = useResource(`network:${id}`, ['networks'], (signal) =>
    call('networks.inspect', [id], { signal }),
  )
  return (
    <Page up={['networks']} title={id}>
      <EngineGate>
        <Loaded resource={network} tags={['networks']}>
          {(data) => (
            <Column>
              <Facts network={data} />
              <Members network={data} />
            </Column>
          )}
        </Loaded>
      </EngineGate>
    </Page>
  )
}

function Facts({ network }: { network: NetworkInspect }) {
  const { t } = useI18n()
  const configs = network.IPAM.Config ?? []
  const facts: [string, string][] = [
    [t('column.driver'), network.Driver],
    [
      t('column.subnet'),
      configs
        .map((config) => config.Subnet)
        .filter(Boolean)
        .join(', '),
    ],
    [
      t('networks.gateway'),
      configs
        .map((config) => config.Gateway)
        .filter(Boolean)
        .join(', '),
    ],
    [t('networks.internal'), t(network.Internal ? 'common.yes' : 'common.no')],
    ['IPv6', t(network.EnableIPv6 ? 'common.yes' : 'common.no')],
  ]
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== '')
        .map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

function Members({ network }: { network: NetworkInspect }) {
  const { t } = useI18n()
  const containers = useContainers()
  const members = Object.entries(network.Containers ?? {})
  const others = ('data' in containers ? (containers.data ?? []) : []).filter(
    (one) =>
      !members.some(([id]) => id === one.Id) &&
      one.HostConfig.NetworkMode !== 'host' &&
      one.HostConfig.NetworkMode !== 'none',
  )
  const fixed = network.Name === 'host' || network.Name === 'none'
  const connect = (button: Element): void =>
    openMenu(
      others.slice(0, 40).map((one) => ({
        label: nameOf(one),
        run: () =>
          void act(one.Id, 'connect', nameOf(one), () =>
            call('networks.connect', [network.Id, { Container: one.Id }]),
          ),
      })),
      button,
    )
  return (
    <Section
      title={t('column.members')}
      action={
        !fixed && (
          <Button
            icon={Plus}
            disabled={others.length === 0}
            onClick={(event) => connect(event.currentTarget)}
          >
            {t('networks.connect')}
          </Button>
        )
      }
    >
      {members.length === 0 ? (
        <p className="muted">{t('networks.noMembers')}</p>
      ) : (
        <div className="card">
          {members.map(([id, member]) => (
            <div key={id} className="card-row">
              <a className="grow ellipsis" href={href('containers', id, 'logs')}>
                {member.Name}
              </a>
              <code className="muted">
                {[member.IPv4Address, member.IPv6Address].filter(Boolean).join('  ')}
              </code>
              {!fixed && (
                <IconButton
                  icon={Unplug}
                  label={t('networks.disconnect', { name: member.Name })}
                  onClick={() =>
                    void act(id, 'disconnect', member.Name, () =>
                      call('networks.disconnect', [network.Id, { Container: id }]),
                    )
                  }
                />
              )}
            </div>
          ))}
        </div>
      )}
    </Section>
  )
}
