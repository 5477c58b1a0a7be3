import { ChevronRight, ClipboardPaste, Copy } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import type { ContainerConfig, ContainerCreateRequest } from '../../../vm/api/containers.ts'
import { kindOf } from '../../../vm/api/errors.ts'
import { openUrl, portUrl, pullImage } from '../../actions.ts'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { Modal } from '../../components/dialog.tsx'
import { Checkbox, Field, TextArea, TextInput } from '../../components/field.tsx'
import { Notice } from '../../components/states.tsx'
import { Suggest } from '../../components/suggest.tsx'
import { copyText, notify } from '../../components/toast.tsx'
import { closeDialog } from '../../dialogs.ts'
import { errorText, failureOf } from '../../errors.ts'
import { useI18n } from '../../i18n.ts'
import { useImages } from '../../queries.ts'
import { go } from '../../router.ts'
import { PullProgress } from '../images/task-list.tsx'
import { parseDockerRun, printDockerRun } from './docker-run.ts'
import {
  EnvField,
  type FieldsProps,
  LimitFields,
  MountsField,
  NetworkField,
  PortsField,
  problemFinder,
  RestartField,
} from './form-fields.tsx'
import { checkForm, EMPTY_FORM, type RunForm, toCreateRequest, wantsTerminal } from './run-form.ts'
import './run.css'

type Step = { at: 'form' } | { at: 'pulling' | 'creating' | 'starting' }

export function RunDialog({ initial }: { initial: Partial<RunForm> | undefined }) {
  const { t } = useI18n()
  const [form, setForm] = useState<RunForm>({ ...EMPTY_FORM, ...initial })
  const [tried, setTried] = useState(false)
  const [step, setStep] = useState<Step>({ at: 'form' })
  const [failure, setFailure] = useState<string | undefined>(undefined)
  const [pasting, setPasting] = useState(false)
  const [ttyChosen, setTtyChosen] = useState(initial?.tty !== undefined)
  const problems = useMemo(() => checkForm(form), [form])
  const problem = problemFinder(tried ? problems : problems.filter(({ field }) => field !== 'image'), t)
  const change = (part: Partial<RunForm>): void => {
    if ('tty' in part) setTtyChosen(true)
    setForm((before) => ({ ...before, ...part }))
  }
  const config = useImageConfig(form.image)
  // A terminal for images that start a shell, unless the user has said.
  const guess = !ttyChosen && config !== undefined && guessTty(form, config)
  const shown = guess ? { ...form, tty: true } : form
  const working = step.at !== 'form'

  const submit = async (start: boolean): Promise<void> => {
    setTried(true)
    if (problems.length > 0 || working) return
    setFailure(undefined)
    try {
      const made = await create(shown, ttyChosen, (at) => setStep({ at }))
      const { id } = made
      if (start) {
        setStep({ at: 'starting' })
        await startOrRemove(id)
      }
      closeDialog()
      announce(made.form, id, start)
    } catch (error) {
      setStep({ at: 'form' })
      if (kindOf(error) !== 'cancelled') setFailure(failureOf(error))
    }
  }
  return (
    <Modal
      title={t('run.title')}
      width={620}
      onClose={closeDialog}
      onSubmit={() => void submit(true)}
      footer={
        <>
          <Button kind="ghost" icon={ClipboardPaste} onClick={() => setPasting(!pasting)}>
            {t('run.paste')}
          </Button>
          <span className="grow" />
          <Button onClick={() => void submit(false)} disabled={working}>
            {t('run.createOnly')}
          </Button>
          <Button kind="primary" type="submit" busy={working}>
            {working ? t(`run.step.${step.at}`) : t('run.run')}
          </Button>
        </>
      }
    >
      <div className="form">
        {failure && <Notice tone="error">{failure}</Notice>}
        {step.at === 'pulling' && <PullProgress reference={form.image.trim()} />}
        {pasting && (
          <PasteField
            onForm={(pasted) => {
              setForm(pasted)
              setTtyChosen(true)
              setPasting(false)
            }}
          />
        )}
        <FormBody
          form={shown}
          change={change}
          problem={problem}
          exposed={Object.keys(config?.ExposedPorts ?? {})}
        />
        <Preview form={shown} />
      </div>
    </Modal>
  )
}

/** What a local image says about itself. */
function useImageConfig(name: string): ContainerConfig | undefined {
  const [config, setConfig] = useState<ContainerConfig | undefined>(undefined)
  const images = useImages()
  const image = name.trim()
  const local =
    'data' in images &&
    images.data?.some((one) => one.RepoTags?.some((tag) => tag === image || tag === `${image}:latest`))
  useEffect(() => {
    setConfig(undefined)
    if (!local) return
    const abort = new AbortController()
    call('images.inspect', [image], { signal: abort.signal }).then(
      (inspect) => setConfig(inspect.Config),
      () => setConfig(undefined),
    )
    return () => abort.abort()
  }, [image, local])
  return config
}

function guessTty(form: RunForm, config: ContainerConfig): boolean {
  try {
    return wantsTerminal(form, config)
  } catch {
    // An open quote while typing.
    return false
  }
}

interface Made {
  id: string
  form: RunForm
}

/** Creates, pulling the image first where it is not here yet. */
async function create(
  form: RunForm,
  ttyChosen: boolean,
  onStep: (at: 'pulling' | 'creating') => void,
): Promise<Made> {
  const send = async (filled: RunForm): Promise<Made> => {
    onStep('creating')
    const body = toCreateRequest(filled) as ContainerCreateRequest & Record<string, unknown>
    return { id: (await call('containers.create', [filled.name || undefined, body])).Id, form: filled }
  }
  try {
    return await send(form)
  } catch (error) {
    if (kindOf(error) !== 'not_found') throw error
  }
  onStep('pulling')
  const image = form.image.trim()
  await pullImage(image, { quiet: true })
  const { Config } = await call('images.inspect', [image])
  return send({ ...form, tty: ttyChosen ? form.tty : guessTty(form, Config) })
}

/** A container that could not start leaves nothing behind, so that the corrected form can be sent again. */
async function startOrRemove(id: string): Promise<void> {
  try {
    await call('containers.start', [id])
  } catch (error) {
    await call('containers.remove', [id, { force: true, volumes: true }]).catch(() => undefined)
    throw error
  }
}

function announce(form: RunForm, id: string, started: boolean): void {
  const port = started
    ? form.ports.find(({ host, protocol }) => host !== '' && protocol === 'tcp')
    : undefined
  go('containers', id, started && form.tty ? 'terminal' : 'logs')
  if (!port) return
  const url = portUrl(port.hostIp, Number(port.host))
  notify({ title: url, timeout: 8000, kind: 'success', action: { label: '↗', run: () => openUrl(url) } })
}

function FormBody({ form, change, problem, exposed }: FieldsProps & { exposed: readonly string[] }) {
  const { t } = useI18n()
  const images = useImages()
  const [more, setMore] = useState(isUnusual(form))
  const tags =
    images.status === 'ready'
      ? images.data.flatMap((image) => image.RepoTags).filter((tag) => !tag.startsWith('<none>'))
      : []
  return (
    <>
      <div className="form-pair">
        <Field label={t('run.image')} problem={problem('image')}>
          {({ id, 'aria-invalid': invalid }) => (
            <Suggest
              id={id}
              value={form.image}
              onChange={(image) => change({ image })}
              items={beginningFirst(tags, form.image)}
              placeholder="nginx:latest"
              autoFocus
              invalid={invalid}
            />
          )}
        </Field>
        <Field label={t('run.name')} problem={problem('name')}>
          {(field) => (
            <TextInput
              {...field}
              placeholder={t('run.nameAuto')}
              value={form.name}
              onChange={(event) => change({ name: event.target.value })}
            />
          )}
        </Field>
      </div>
      <Field label={t('run.command')} problem={problem('command')}>
        {(field) => (
          <TextInput
            {...field}
            mono
            placeholder={t('run.commandDefault')}
            value={form.command}
            onChange={(event) => change({ command: event.target.value })}
          />
        )}
      </Field>
      <PortsField form={form} change={change} problem={problem} exposed={exposed} />
      <EnvField form={form} change={change} problem={problem} />
      <MountsField form={form} change={change} problem={problem} />
      <button type="button" className="form-more" aria-expanded={more} onClick={() => setMore(!more)}>
        <ChevronRight size={13} aria-hidden />
        {t('run.more')}
      </button>
      {more && <MoreFields form={form} change={change} problem={problem} />}
    </>
  )
}

/** What begins with the typed text stands before what only contains it. */
function beginningFirst(items: readonly string[], text: string): string[] {
  const start = text.toLowerCase()
  const begins = (item: string): boolean => item.toLowerCase().startsWith(start)
  return [...items.filter(begins), ...items.filter((item) => !begins(item))]
}

function isUnusual(form: RunForm): boolean {
  return (
    form.entrypoint !== '' ||
    form.network !== '' ||
    form.memory !== '' ||
    form.cpus !== '' ||
    form.restart !== 'no' ||
    form.privileged
  )
}

export function MoreFields(props: FieldsProps) {
  const { form, change, problem } = props
  const { t } = useI18n()
  return (
    <div className="form">
      <div className="form-pair">
        <NetworkField {...props} />
        <RestartField {...props} />
        <LimitFields {...props} />
        <Field label={t('run.user')}>
          {(field) => (
            <TextInput
              {...field}
              value={form.user}
              onChange={(event) => change({ user: event.target.value })}
            />
          )}
        </Field>
        <Field label={t('run.workdir')}>
          {(field) => (
            <TextInput
              {...field}
              value={form.workdir}
              onChange={(event) => change({ workdir: event.target.value })}
            />
          )}
        </Field>
      </div>
      <Field label={t('run.entrypoint')} problem={problem('entrypoint')}>
        {(field) => (
          <TextInput
            {...field}
            mono
            value={form.entrypoint}
            onChange={(event) => change({ entrypoint: event.target.value })}
          />
        )}
      </Field>
      <div className="form-pair">
        <Checkbox
          checked={form.tty}
          onChange={(tty) => change({ tty })}
          label={t('run.tty')}
          hint={t('run.ttyHint')}
        />
        <Checkbox
          checked={form.autoRemove}
          onChange={(autoRemove) => change({ autoRemove })}
          label={t('run.autoRemove')}
          hint={t('run.autoRemoveHint')}
        />
        <Checkbox
          checked={form.init}
          onChange={(init) => change({ init })}
          label={t('run.init')}
          hint={t('run.initHint')}
        />
        <Checkbox
          checked={form.privileged}
          onChange={(privileged) => change({ privileged })}
          label={t('run.privileged')}
          hint={t('run.privilegedHint')}
        />
      </div>
    </div>
  )
}

function Preview({ form }: { form: RunForm }) {
  const { t } = useI18n()
  const line = printDockerRun(form)
  return (
    <div className="preview">
      <code>{line}</code>
      <IconButton icon={Copy} label={t('run.copyCommand')} onClick={() => copyText(line)} />
    </div>
  )
}

function PasteField({ onForm }: { onForm: (form: RunForm) => void }) {
  const { t } = useI18n()
  const [problem, setProblem] = useState<string | undefined>(undefined)
  const read = (text: string): void => {
    setProblem(undefined)
    if (text.trim() === '') return
    try {
      const { form, ignored } = parseDockerRun(text)
      if (ignored.length > 0)
        notify({ title: t('run.pasteIgnored'), detail: ignored.join('\n'), timeout: 10_000 })
      onForm(form)
    } catch (error) {
      setProblem(t('run.pasteWrong', { reason: errorText(error) }))
    }
  }
  return (
    <Field label={t('run.pasteLabel')} problem={problem}>
      {(field) => (
        <TextArea
          {...field}
          autoFocus
          placeholder="docker run -d --name web -p 8080:80 nginx"
          onChange={(event) => read(event.target.value)}
        />
      )}
    </Field>
  )
}
