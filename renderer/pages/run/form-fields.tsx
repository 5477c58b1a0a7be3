import { Plus, X } from 'lucide-react'
import { type ClipboardEvent, useEffect, useState } from 'react'
import { call } from '../../api.ts'
import { Button, IconButton } from '../../components/button.tsx'
import { Checkbox, Field, Select, TextInput } from '../../components/field.tsx'
import { Suggest } from '../../components/suggest.tsx'
import { useI18n } from '../../i18n.ts'
import { useNetworks, useVolumes } from '../../queries.ts'
import { ChooseFolder, useHostFolders } from './host-folder.tsx'
import {
  type FormProblem,
  type MountField,
  nextPort,
  type PortField,
  parseEnvFile,
  type RunForm,
} from './run-form.ts'

export interface FieldsProps {
  form: RunForm
  change: (part: Partial<RunForm>) => void
  /** Of a field, once it may be shown. */
  problem: (field: string) => string | undefined
}

export function problemFinder(problems: readonly FormProblem[], t: (key: string) => string) {
  return (field: string): string | undefined => {
    const found = problems.find((problem) => problem.field === field)
    return found && t(found.key)
  }
}

function withItem<T>(items: readonly T[], index: number, item: T | undefined): T[] {
  return item === undefined
    ? items.filter((_, at) => at !== index)
    : items.map((old, at) => (at === index ? item : old))
}

interface PortsFieldProps extends FieldsProps {
  /** What the image listens on, as `80/tcp`: proposed one after the other. */
  exposed: readonly string[]
}

export function PortsField({ form, change, problem, exposed }: PortsFieldProps) {
  const { t } = useI18n()
  const add = (): void => change({ ports: [...form.ports, nextPort(form.ports, exposed)] })
  return (
    <Rows
      label={t('run.ports')}
      hint={t('run.portsHint')}
      add={t('run.addPort')}
      onAdd={add}
      empty={form.ports.length === 0}
    >
      {form.ports.map((port, index) => (
        <PortRow
          // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place
          key={index}
          port={port}
          index={index}
          problem={problem}
          onChange={(next) => change({ ports: withItem(form.ports, index, next) })}
        />
      ))}
    </Rows>
  )
}

interface PortRowProps {
  port: PortField
  index: number
  problem: FieldsProps['problem']
  onChange: (port: PortField | undefined) => void
}

function PortRow({ port, index, problem, onChange }: PortRowProps) {
  const { t } = useI18n()
  const clash = usePortClash(port)
  const wrong = problem(`ports.${index}.host`) ?? problem(`ports.${index}.container`)
  return (
    <div className="form-row-group">
      <div className="form-row">
        <TextInput
          inputMode="numeric"
          aria-label={t('run.hostPort')}
          placeholder={t('run.hostPort')}
          aria-invalid={clash !== undefined || problem(`ports.${index}.host`) !== undefined}
          value={port.host}
          onChange={(event) => onChange({ ...port, host: event.target.value })}
        />
        <span className="faint">→</span>
        <TextInput
          inputMode="numeric"
          aria-label={t('run.containerPort')}
          placeholder={t('run.containerPort')}
          aria-invalid={problem(`ports.${index}.container`) !== undefined}
          value={port.container}
          onChange={(event) => onChange({ ...port, container: event.target.value })}
        />
        <div className="form-narrow">
          <Select
            label={t('run.protocol')}
            value={port.protocol}
            options={[
              { value: 'tcp', label: 'TCP' },
              { value: 'udp', label: 'UDP' },
            ]}
            onChange={(protocol) => onChange({ ...port, protocol })}
          />
        </div>
        <IconButton icon={X} label={t('common.remove')} onClick={() => onChange(undefined)} />
      </div>
      {wrong && <span className="field-problem">{wrong}</span>}
      {!wrong && clash && (
        <span className="field-problem">
          {clash.holder
            ? t('run.portTakenBy', { port: port.host, holder: clash.holder })
            : t('run.portTaken', { port: port.host })}{' '}
          <button
            type="button"
            className="link"
            onClick={() => onChange({ ...port, host: String(clash.next) })}
          >
            {t('run.usePort', { port: clash.next })}
          </button>
        </span>
      )}
    </div>
  )
}

/** Asks the host whether the port is free, a moment after the last key. */
function usePortClash(port: PortField): { holder?: string; next: number } | undefined {
  const [clash, setClash] = useState<{ holder?: string; next: number } | undefined>(undefined)
  const { host, hostIp, protocol } = port
  useEffect(() => {
    setClash(undefined)
    const number = Number(host)
    if (!/^\d+$/.test(host) || number < 1 || number > 65_535) return
    const abort = new AbortController()
    const timer = setTimeout(() => {
      call('ports.free', [hostIp || '127.0.0.1', number, protocol], { signal: abort.signal }).then(
        (answer) => !answer.free && setClash(answer),
        // Only a hint: the engine decides when the container starts.
        () => setClash(undefined),
      )
    }, 250)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [host, hostIp, protocol])
  return clash
}

export function EnvField({ form, change, problem }: FieldsProps) {
  const { t } = useI18n()
  const paste = (event: ClipboardEvent): void => {
    const pasted = parseEnvFile(event.clipboardData.getData('text'))
    if (pasted.length < 2) return
    event.preventDefault()
    change({
      env: [
        ...form.env.filter(({ key }) => key !== '' && !pasted.some((entry) => entry.key === key)),
        ...pasted,
      ],
    })
  }
  return (
    <Rows
      label={t('run.env')}
      hint={t('run.envHint')}
      add={t('run.addEnv')}
      onAdd={() => change({ env: [...form.env, { key: '', value: '' }] })}
      empty={form.env.length === 0}
    >
      {form.env.map((entry, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place
        <div className="form-row" key={index} onPaste={paste}>
          <TextInput
            mono
            aria-label={t('run.envName')}
            placeholder={t('run.envName')}
            aria-invalid={problem(`env.${index}.key`) !== undefined}
            value={entry.key}
            onChange={(event) =>
              change({ env: withItem(form.env, index, { ...entry, key: event.target.value }) })
            }
          />
          <span className="faint">=</span>
          <TextInput
            mono
            aria-label={t('run.envValue')}
            placeholder={t('run.envValue')}
            value={entry.value}
            onChange={(event) =>
              change({ env: withItem(form.env, index, { ...entry, value: event.target.value }) })
            }
          />
          <IconButton
            icon={X}
            label={t('common.remove')}
            onClick={() => change({ env: withItem(form.env, index, undefined) })}
          />
        </div>
      ))}
    </Rows>
  )
}

export function MountsField({ form, change, problem }: FieldsProps) {
  const { t } = useI18n()
  const volumes = useVolumes()
  const names =
    volumes.status === 'ready'
      ? volumes.data.map((volume) => volume.Name).filter((name) => name.length < 64)
      : []
  const set = (index: number, mount: MountField | undefined): void =>
    change({ mounts: withItem(form.mounts, index, mount) })
  return (
    <Rows
      label={t('run.mounts')}
      hint={t('run.mountsHint')}
      add={t('run.addMount')}
      onAdd={() => change({ mounts: [...form.mounts, { source: '', target: '', readOnly: false }] })}
      empty={form.mounts.length === 0}
    >
      {form.mounts.map((mount, index) => (
        <MountRow
          // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place
          key={index}
          mount={mount}
          names={names}
          problem={(part) => problem(`mounts.${index}.${part}`)}
          onChange={(next) => set(index, next)}
        />
      ))}
    </Rows>
  )
}

interface MountRowProps {
  mount: MountField
  /** Of volumes. */
  names: readonly string[]
  problem: (part: 'source' | 'target') => string | undefined
  onChange: (mount: MountField | undefined) => void
}

function MountRow({ mount, names, problem, onChange }: MountRowProps) {
  const { t } = useI18n()
  const folders = useHostFolders(mount.source)
  const setSource = (source: string): void => onChange({ ...mount, source })
  return (
    <div className="form-row-group">
      <div className="form-row">
        <Suggest
          value={mount.source}
          onChange={setSource}
          items={[...names, ...folders]}
          label={t('run.mountSource')}
          placeholder={t('run.mountSource')}
          invalid={problem('source') !== undefined}
        />
        <ChooseFolder onChoose={setSource} />
        <span className="faint">→</span>
        <TextInput
          aria-label={t('run.mountTarget')}
          placeholder="/data"
          value={mount.target}
          aria-invalid={problem('target') !== undefined}
          onChange={(event) => onChange({ ...mount, target: event.target.value })}
        />
        <div className="form-check">
          <Checkbox
            checked={mount.readOnly}
            onChange={(readOnly) => onChange({ ...mount, readOnly })}
            label={t('run.readOnlyMount')}
          />
        </div>
        <IconButton icon={X} label={t('common.remove')} onClick={() => onChange(undefined)} />
      </div>
      {(['source', 'target'] as const).map(
        (part) =>
          problem(part) && (
            <span key={part} className="field-problem">
              {problem(part)}
            </span>
          ),
      )}
    </div>
  )
}

export function NetworkField({ form, change }: FieldsProps) {
  const { t } = useI18n()
  const networks = useNetworks()
  const names =
    networks.status === 'ready'
      ? networks.data.map((network) => network.Name).filter((name) => name !== 'bridge')
      : ['host', 'none']
  const all = form.network !== '' && !names.includes(form.network) ? [...names, form.network] : names
  return (
    <Field label={t('run.network')}>
      {({ id }) => (
        <Select
          id={id}
          value={form.network}
          onChange={(network) => change({ network })}
          options={[
            { value: '', label: t('run.networkDefault') },
            ...all.map((name) => ({ value: name, label: name })),
          ]}
        />
      )}
    </Field>
  )
}

export function LimitFields({ form, change, problem }: FieldsProps) {
  const { t } = useI18n()
  return (
    <>
      <Field label={t('run.memory')} problem={problem('memory')}>
        {(field) => (
          <TextInput
            {...field}
            placeholder="512m"
            value={form.memory}
            onChange={(event) => change({ memory: event.target.value })}
          />
        )}
      </Field>
      <Field label={t('run.cpus')} problem={problem('cpus')}>
        {(field) => (
          <TextInput
            {...field}
            placeholder="1.5"
            value={form.cpus}
            onChange={(event) => change({ cpus: event.target.value })}
          />
        )}
      </Field>
    </>
  )
}

export function RestartField({ form, change }: FieldsProps) {
  const { t } = useI18n()
  const policies = ['no', 'on-failure', 'unless-stopped', 'always'] as const
  return (
    <Field label={t('run.restart')}>
      {({ id }) => (
        <Select
          id={id}
          value={form.restart}
          onChange={(restart) => change({ restart })}
          options={policies.map((value) => ({ value, label: t(`run.restartPolicy.${value}`) }))}
        />
      )}
    </Field>
  )
}

interface RowsProps {
  label: string
  hint: string
  add: string
  empty: boolean
  onAdd: () => void
  children: React.ReactNode
}

function Rows({ label, hint, add, empty, onAdd, children }: RowsProps) {
  return (
    <fieldset className="form-rows">
      <legend className="form-rows-head">
        <span className="field-label">{label}</span>
        <Button kind="ghost" icon={Plus} onClick={onAdd}>
          {add}
        </Button>
      </legend>
      {empty ? <span className="field-hint">{hint}</span> : children}
    </fieldset>
  )
}
