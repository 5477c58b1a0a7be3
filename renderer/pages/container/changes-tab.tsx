import { FileDiff } from 'lucide-react'
import { useCallback } from 'react'
import type { Change } from '../../../vm/api/containers.ts'
import { call } from '../../api.ts'
import { Blank, Loaded } from '../../components/states.tsx'
import { Badge } from '../../components/status.tsx'
import { Cell, Table } from '../../components/table.tsx'
import { useI18n } from '../../i18n.ts'
import { useResource } from '../../resources.ts'

const KINDS = ['modified', 'added', 'deleted'] as const
const TONES = { modified: 'amber', added: 'green', deleted: 'red' } as const

/** What differs from the image: `docker diff`. */
export function ChangesTab({ id }: { id: string }) {
  const { t } = useI18n()
  const changes = useResource(`changes:${id}`, [`container:${id}`], (signal) =>
    call('containers.changes', [id], { signal }),
  )
  const render = useCallback(
    (change: Change) => {
      const kind = KINDS[change.Kind]
      return (
        <>
          <Cell column="kind">
            <Badge tone={TONES[kind]}>{t(`changes.${kind}`)}</Badge>
          </Cell>
          <Cell column="path">
            <code>{change.Path}</code>
          </Cell>
        </>
      )
    },
    [t],
  )
  return (
    <Loaded resource={changes} tags={[`container:${id}`]}>
      {(list) =>
        list === null || list.length === 0 ? (
          <Blank icon={FileDiff} title={t('changes.empty')} text={t('changes.emptyText')} />
        ) : (
          <Table
            label={t('detail.changes')}
            className="changes-table"
            items={list}
            keyOf={(change) => change.Path}
            rowHeight={() => 30}
            columns={[
              { key: 'kind', label: t('column.change') },
              { key: 'path', label: t('column.path') },
            ]}
            render={render}
          />
        )
      }
    </Loaded>
  )
}
