import { Activity, RotateCw } from 'lucide-react'
import { useEffect } from 'react'
import { call } from '../../api.ts'
import { IconButton } from '../../components/button.tsx'
import { Blank, Loaded } from '../../components/states.tsx'
import { useI18n } from '../../i18n.ts'
import { resources, useResource } from '../../resources.ts'

/** `docker top`; there is no event for processes, so it is read again every few seconds while it is looked at. */
export function ProcessesTab({ id, running }: { id: string; running: boolean }) {
  const { t } = useI18n()
  if (!running)
    return <Blank icon={Activity} title={t('processes.notRunning')} text={t('stats.notRunningText')} />
  return <Processes id={id} />
}

function Processes({ id }: { id: string }) {
  const { t } = useI18n()
  const tag = `top:${id}`
  const top = useResource(tag, [tag, `container:${id}`], (signal) => call('containers.top', [id], { signal }))
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && resources.invalidate(tag), 5000)
    return () => clearInterval(timer)
  }, [tag])
  return (
    <Loaded resource={top} tags={[tag]}>
      {(data) => (
        <div className="plain-table-wrap">
          <div className="plain-table-bar">
            <span className="muted num">{t('processes.count', { count: data.Processes.length })}</span>
            <IconButton
              icon={RotateCw}
              label={t('common.refresh')}
              onClick={() => resources.invalidate(tag)}
            />
          </div>
          <table className="plain-table">
            <thead>
              <tr>
                {data.Titles.map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.Processes.map((row) => (
                <tr key={row.join(' ')}>
                  {row.map((cell, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: cells are their column
                    <td key={index} className={index === row.length - 1 ? 'mono' : 'num'}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Loaded>
  )
}
