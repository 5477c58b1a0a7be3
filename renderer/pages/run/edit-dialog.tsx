import { useMemo, useState } from 'react'
import type { ContainerInspect } from '../../../vm/api/containers.ts'
import { call } from '../../api.ts'
import { Button } from '../../components/button.tsx'
import { Modal } from '../../components/dialog.tsx'
import { Field, TextInput } from '../../components/field.tsx'
import { Loaded, Notice } from '../../components/states.tsx'
import { notify } from '../../components/toast.tsx'
import { closeDialog } from '../../dialogs.ts'
import { failureOf } from '../../errors.ts'
import { useI18n } from '../../i18n.ts'
import { useResource } from '../../resources.ts'
import { currentRoute, go } from '../../router.ts'
import { EnvField, LimitFields, MountsField, problemFinder, RestartField } from './form-fields.tsx'
import { checkForm, fromInspect, type RunForm, toCreateRequest } from './run-form.ts'
import './run.css'

interface Before {
  inspect: ContainerInspect
  imageEnv: readonly string[]
}

const WIDTH = 620

/** What Docker cannot: changes a container's configuration by recreating it, and goes back when that fails. */
export function EditDialog({ id }: { id: string }) {
  const { t } = useI18n()
  const before = useResource<Before>(`edit:${id}`, [`container:${id}`], async (signal) => {
    const inspect = await call('containers.inspect', [id], { signal })
    const image = await call('images.inspect', [inspect.Image], { signal })
    return { inspect, imageEnv: image.Config.Env ?? [] }
  })
  if (before.status === 'ready') return <EditForm {...before.data} />
  return (
    <Modal title={t('edit.title')} width={WIDTH} onClose={closeDialog}>
      <Loaded resource={before} tags={[`container:${id}`]}>
        {() => null}
      </Loaded>
    </Modal>
  )
}

function EditForm({ inspect, imageEnv }: Before) {
  const { t } = useI18n()
  const original = useMemo(() => fromInspect(inspect, imageEnv), [inspect, imageEnv])
  const [form, setForm] = useState<RunForm>(original)
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<string | undefined>(undefined)
  const problems = useMemo(() => checkForm(form), [form])
  const problem = problemFinder(problems, t)
  const change = (part: Partial<RunForm>): void => setForm((old) => ({ ...old, ...part }))
  const live = onlyLive(original, form)
  const changed = JSON.stringify(original) !== JSON.stringify(form)
  const submit = async (): Promise<void> => {
    if (problems.length > 0 || !changed) return
    setPending(true)
    try {
      await apply(inspect, imageEnv, form, live)
      closeDialog()
      notify({ title: t(live ? 'edit.updated' : 'edit.recreated', { name: original.name }), kind: 'success' })
    } catch (error) {
      setPending(false)
      setFailure(failureOf(error))
    }
  }
  const props = { form, change, problem }
  return (
    <Modal
      title={t('edit.titleName', { name: original.name })}
      description={t('edit.text')}
      width={WIDTH}
      onClose={closeDialog}
      onSubmit={() => void submit()}
      footer={
        <>
          <span className="field-hint grow">{changed && t(live ? 'edit.live' : 'edit.recreates')}</span>
          <Button onClick={closeDialog}>{t('common.cancel')}</Button>
          <Button kind="primary" type="submit" busy={pending} disabled={!changed || problems.length > 0}>
            {t(live || !changed ? 'common.apply' : 'edit.recreate')}
          </Button>
        </>
      }
    >
      <div className="form">
        {failure && <Notice tone="error">{failure}</Notice>}
        <Field label={t('run.command')} problem={problem('command')}>
          {(field) => (
            <TextInput
              {...field}
              mono
              value={form.command}
              onChange={(event) => change({ command: event.target.value })}
            />
          )}
        </Field>
        <EnvField {...props} />
        <MountsField {...props} />
        <div className="form-pair">
          <RestartField {...props} />
          <LimitFields {...props} />
        </div>
      </div>
    </Modal>
  )
}

/** Limits and the restart policy change in place; the rest needs a new container. */
function onlyLive(before: RunForm, after: RunForm): boolean {
  const rest = (form: RunForm): string => JSON.stringify({ ...form, memory: '', cpus: '', restart: '' })
  return rest(before) === rest(after)
}

async function apply(
  inspect: ContainerInspect,
  imageEnv: readonly string[],
  form: RunForm,
  live: boolean,
): Promise<void> {
  const request = toCreateRequest(form)
  const host = request.HostConfig ?? {}
  if (live) {
    await call('containers.update', [
      inspect.Id,
      {
        Memory: host.Memory ?? 0,
        // Docker refuses a memory limit above the swap limit that it set by itself.
        ...(host.Memory ? { MemorySwap: host.Memory * 2 } : {}),
        NanoCpus: host.NanoCpus ?? 0,
        RestartPolicy: host.RestartPolicy,
      },
    ])
    return
  }
  const body = {
    ...inspect.Config,
    Cmd: request.Cmd ?? null,
    Env: [
      ...imageEnv.filter((entry) => !form.env.some(({ key }) => entry.startsWith(`${key}=`))),
      ...(request.Env ?? []),
    ],
    HostConfig: {
      ...inspect.HostConfig,
      Binds: host.Binds ?? [],
      Mounts: host.Mounts ?? [],
      Memory: host.Memory ?? 0,
      MemorySwap: 0,
      NanoCpus: host.NanoCpus ?? 0,
      RestartPolicy: host.RestartPolicy ?? { Name: 'no' },
    },
  }
  const { Id } = await call('containers.recreate', [inspect.Id, body])
  const [page, shown, tab] = currentRoute().parts
  if (page === 'containers' && shown === inspect.Id) go('containers', Id, tab ?? 'logs')
}
