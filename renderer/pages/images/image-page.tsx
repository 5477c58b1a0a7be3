import { MoreHorizontal, Play } from 'lucide-react'
import type { ImageHistoryItem, ImageInspect } from '../../../vm/api/images.ts'
import { nameOf } from '../../actions.ts'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { EngineGate } from '../../components/engine-gate.tsx'
import { openMenu } from '../../components/menu.tsx'
import { Column, Page, Section } from '../../components/page.tsx'
import { Loaded } from '../../components/states.tsx'
import { Dot } from '../../components/status.tsx'
import { showDialog } from '../../dialogs.ts'
import { bytes, dateTime, shortId } from '../../format.ts'
import { useI18n } from '../../i18n.ts'
import { joinWords } from '../../lib/shell-words.ts'
import { useContainers, useImages } from '../../queries.ts'
import { useResource } from '../../resources.ts'
import { href } from '../../router.ts'
import { toneOf } from '../containers/container-row.tsx'
import { imageMenu } from './image-actions.ts'
import { imageRows } from './images-view.ts'
import './images.css'

interface Details {
  image: ImageInspect
  history: ImageHistoryItem[]
}

export function ImagePage({ id }: { id: string }) {
  const { t } = useI18n()
  const images = useImages()
  const details = useResource<Details>(`image:${id}`, ['images'], async (signal) => {
    const [image, history] = await Promise.all([
      call('images.inspect', [id], { signal }),
      call('images.history', [id], { signal }),
    ])
    return { image, history }
  })
  const rows =
    'data' in images
      ? imageRows(images.data ?? [], [], {
          query: '',
          filter: 'all',
          sort: { by: 'name', descending: false },
        })
      : []
  const row = rows.find((one) => one.key === id || shortId(one.image.Id) === id || one.image.Id === id)
  return (
    <Page
      up={['images']}
      title={id}
      actions={
        <>
          <Button kind="primary" icon={Play} onClick={() => showDialog({ kind: 'run', form: { image: id } })}>
            {t('images.run')}
          </Button>
          {row && (
            <IconButton
              icon={MoreHorizontal}
              label={t('common.more')}
              onClick={(event) => openMenu(imageMenu([row]), event.currentTarget)}
            />
          )}
        </>
      }
    >
      <EngineGate>
        <Loaded resource={details} tags={['images']}>
          {({ image, history }) => (
            <Column>
              <Facts image={image} />
              <UsedBy image={image} />
              <Layers history={history} />
            </Column>
          )}
        </Loaded>
      </EngineGate>
    </Page>
  )
}

function Facts({ image }: { image: ImageInspect }) {
  const { t, locale } = useI18n()
  const { Config: config } = image
  const ports = Object.keys(config.ExposedPorts ?? {}).join(', ')
  const created = Date.parse(image.Created)
  const facts: [string, string][] = [
    [t('image.size'), bytes(image.Size, locale)],
    [t('image.platform'), [image.Os, image.Architecture, image.Variant].filter(Boolean).join('/')],
    [t('image.created'), created > 0 ? dateTime(created, locale) : '–'],
    [t('image.entrypoint'), joinWords(config.Entrypoint ?? [])],
    [t('image.command'), joinWords(config.Cmd ?? [])],
    [t('image.ports'), ports],
    [t('image.user'), config.User ?? ''],
    [t('image.workdir'), config.WorkingDir ?? ''],
    [t('image.id'), image.Id],
  ]
  return (
    <Section title={t('image.details')}>
      <dl className="facts">
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name} style={{ display: 'contents' }}>
              <dt>{name}</dt>
              <dd>{value.startsWith('sha256:') ? <code>{value}</code> : value}</dd>
            </div>
          ))}
      </dl>
    </Section>
  )
}

function UsedBy({ image }: { image: ImageInspect }) {
  const { t } = useI18n()
  const containers = useContainers()
  const users = ('data' in containers ? (containers.data ?? []) : []).filter(
    (one) => one.ImageID === image.Id,
  )
  return (
    <Section title={t('image.usedBy')}>
      {users.length === 0 ? (
        <p className="muted">{t('image.unused')}</p>
      ) : (
        <div className="card">
          {users.map((container) => (
            <a key={container.Id} className="card-row" href={href('containers', container.Id, 'logs')}>
              <Dot tone={toneOf(container)} />
              {nameOf(container)}
            </a>
          ))}
        </div>
      )}
    </Section>
  )
}

function Layers({ history }: { history: readonly ImageHistoryItem[] }) {
  const { t, locale } = useI18n()
  const largest = Math.max(1, ...history.map((item) => item.Size))
  return (
    <Section title={t('image.history')}>
      <div className="card layer-list">
        {history.map((item, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: history never moves and its ids may be missing
          <div key={index} className="layer-item">
            <code>{item.CreatedBy.replace(/^\/bin\/sh -c (#\(nop\)\s*)?/, '') || item.Comment}</code>
            <span className="cell-end num muted">
              {item.Size > 0 ? bytes(item.Size, locale) : '–'}
              {item.Size > 0 && (
                <span
                  className="layer-share"
                  style={{ display: 'block', width: `${(item.Size / largest) * 100}%`, marginLeft: 'auto' }}
                />
              )}
            </span>
          </div>
        ))}
      </div>
    </Section>
  )
}
