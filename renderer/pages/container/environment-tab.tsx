import { Copy, Pencil } from 'lucide-react'
import { useState } from 'react'
import type { ContainerInspect } from '../../../vm/api/containers.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { SearchInput } from '../../components/field.tsx'
import { copyText } from '../../components/toast.tsx'
import { showDialog } from '../../dialogs.ts'
import { useI18n } from '../../i18n.ts'
import { splitPair } from '../run/run-form.ts'

export function EnvironmentTab({ container }: { container: ContainerInspect }) {
  const { t } = useI18n()
  const [query, setQuery] = useState('')
  const all = container.Config.Env ?? []
  const shown = all.filter((entry) => entry.toLowerCase().includes(query.toLowerCase())).map(splitPair)
  return (
    <div className="plain-table-wrap">
      <div className="plain-table-bar">
        <SearchInput value={query} onChange={setQuery} placeholder={t('environment.search')} />
        <span className="grow" />
        <IconButton icon={Copy} label={t('environment.copy')} onClick={() => copyText(all.join('\n'))} />
        <Button icon={Pencil} onClick={() => showDialog({ kind: 'edit', id: container.Id })}>
          {t('containers.editDots')}
        </Button>
      </div>
      <table className="plain-table env-table">
        <thead>
          <tr>
            <th scope="col">{t('run.envName')}</th>
            <th scope="col">{t('run.envValue')}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ key, value }) => (
            <tr key={key}>
              <th scope="row" className="mono">
                {key}
              </th>
              <td className="mono">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length === 0 && <p className="muted plain-empty">{t('environment.none')}</p>}
    </div>
  )
}
