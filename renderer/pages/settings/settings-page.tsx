import { useEffect, useState } from 'react'
import type { Settings, SettingsPatch } from '../../../app/settings-schema.ts'
import { call } from '../../api.ts'
import { Button } from '../../components/button.tsx'
import { Select, Switch, TextInput } from '../../components/field.tsx'
import { Column, Page, Section } from '../../components/page.tsx'
import { Loading, Notice } from '../../components/states.tsx'
import { notifyError } from '../../components/toast.tsx'
import { useI18n } from '../../i18n.ts'
import { isOnline, session } from '../../session.ts'
import { useStore } from '../../store.ts'
import { machineAction } from '../machine/machine-actions.ts'
import { Registries } from './registries.tsx'
import { SharedFolders } from './shared-folders.tsx'
import './settings.css'

/** Saved as soon as it is changed; what only the next start of the machine takes says so. */
export function SettingsPage() {
  const { t } = useI18n()
  const settings = useStore(session, (state) => state.settings)
  return <Page title={t('nav.settings')}>{settings ? <Form settings={settings} /> : <Loading />}</Page>
}

const NEEDS_RESTART = ['cpus', 'memoryMiB', 'diskGiB'] as const

function Form({ settings }: { settings: Settings }) {
  const { t } = useI18n()
  const shell = useStore(session, (state) => state.app?.shell)
  const online = useStore(session, (state) => isOnline(state.machine))
  const [restart, setRestart] = useState(false)
  const save = (patch: SettingsPatch): void => {
    call('settings.set', [patch]).then(
      (saved) => {
        session.patch({ settings: saved })
        if (NEEDS_RESTART.some((key) => key in patch)) setRestart(true)
      },
      (error: unknown) => notifyError(t('settings.failed'), error),
    )
  }
  const props = { settings, save }
  return (
    <Column>
      {restart && online && (
        <Notice
          tone="info"
          action={
            <Button
              onClick={() => {
                setRestart(false)
                void machineAction('restart')
              }}
            >
              {t('machine.restart')}
            </Button>
          }
        >
          {t('settings.restart')}
        </Notice>
      )}
      <General {...props} electron={shell === 'electron'} />
      <Resources {...props} />
      <SharedFolders {...props} electron={shell === 'electron'} />
      <Network {...props} />
      <Registries />
      <TerminalSettings {...props} />
    </Column>
  )
}

interface PartProps {
  settings: Settings
  save: (patch: SettingsPatch) => void
}

function General({ settings, save, electron }: PartProps & { electron: boolean }) {
  const { t } = useI18n()
  return (
    <Section title={t('settings.general')}>
      <div className="card">
        <Row label={t('settings.language')}>
          <Select
            label={t('settings.language')}
            value={settings.language}
            onChange={(language) => save({ language })}
            options={[
              { value: 'system', label: t('settings.system') },
              { value: 'en', label: 'English' },
              { value: 'ko', label: '한국어' },
            ]}
          />
        </Row>
        <Row label={t('settings.theme')}>
          <Select
            label={t('settings.theme')}
            value={settings.theme}
            onChange={(theme) => save({ theme })}
            options={(['system', 'light', 'dark'] as const).map((value) => ({
              value,
              label: t(`settings.themes.${value}`),
            }))}
          />
        </Row>
        <Toggle
          label={t('settings.startEngineOnOpen')}
          value={settings.startEngineOnOpen}
          onChange={(startEngineOnOpen) => save({ startEngineOnOpen })}
        />
        <Toggle
          label={t('settings.notifications')}
          value={settings.notifications}
          onChange={(notifications) => save({ notifications })}
        />
        {electron && (
          <>
            <Toggle
              label={t('settings.startAtLogin')}
              value={settings.startAtLogin}
              onChange={(startAtLogin) => save({ startAtLogin })}
            />
            <Toggle
              label={t('settings.closeToTray')}
              hint={t('settings.closeToTrayHint')}
              value={settings.closeToTray}
              onChange={(closeToTray) => save({ closeToTray })}
            />
          </>
        )}
      </div>
    </Section>
  )
}

function Resources({ settings, save }: PartProps) {
  const { t } = useI18n()
  return (
    <Section title={t('settings.resources')}>
      <div className="card">
        <Row label={t('settings.cpus')}>
          <NumberBox
            label={t('settings.cpus')}
            value={settings.cpus}
            min={1}
            max={64}
            onCommit={(cpus) => save({ cpus })}
          />
        </Row>
        <Row label={t('settings.memory')} hint={t('settings.memoryHint')}>
          <NumberBox
            label={t('settings.memory')}
            value={settings.memoryMiB}
            min={512}
            max={262_144}
            unit="MiB"
            onCommit={(memoryMiB) => save({ memoryMiB })}
          />
        </Row>
        <Row label={t('settings.disk')} hint={t('settings.diskHint')}>
          <NumberBox
            label={t('settings.disk')}
            value={settings.diskGiB}
            min={settings.diskGiB}
            max={4096}
            unit="GiB"
            onCommit={(diskGiB) => save({ diskGiB })}
          />
        </Row>
      </div>
    </Section>
  )
}

function Network({ settings, save }: PartProps) {
  const { t } = useI18n()
  const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean)
  return (
    <Section title={t('settings.network')}>
      <div className="card">
        <Row label={t('settings.portModel')} hint={t(`settings.portModels.${settings.portModel}Hint`)}>
          <Select
            label={t('settings.portModel')}
            value={settings.portModel}
            onChange={(portModel) => save({ portModel })}
            options={(['direct', 'double'] as const).map((value) => ({
              value,
              label: t(`settings.portModels.${value}`),
            }))}
          />
        </Row>
        <Row label={t('settings.mirrors')} hint={t('settings.mirrorsHint')}>
          <TextBox
            label={t('settings.mirrors')}
            value={settings.registryMirrors.join(' ')}
            placeholder="https://"
            onCommit={(text) => save({ registryMirrors: words(text) })}
          />
        </Row>
        <Row label={t('settings.insecure')} hint={t('settings.insecureHint')}>
          <TextBox
            label={t('settings.insecure')}
            value={settings.insecureRegistries.join(' ')}
            placeholder="registry.local:5000"
            onCommit={(text) => save({ insecureRegistries: words(text) })}
          />
        </Row>
        <Row label={t('settings.httpProxy')}>
          <TextBox
            label={t('settings.httpProxy')}
            value={settings.httpProxy}
            placeholder="http://"
            onCommit={(httpProxy) => save({ httpProxy })}
          />
        </Row>
        <Row label={t('settings.httpsProxy')}>
          <TextBox
            label={t('settings.httpsProxy')}
            value={settings.httpsProxy}
            placeholder="http://"
            onCommit={(httpsProxy) => save({ httpsProxy })}
          />
        </Row>
        <Row label={t('settings.noProxy')}>
          <TextBox
            label={t('settings.noProxy')}
            value={settings.noProxy}
            placeholder="localhost,.local"
            onCommit={(noProxy) => save({ noProxy })}
          />
        </Row>
      </div>
    </Section>
  )
}

function TerminalSettings({ settings, save }: PartProps) {
  const { t } = useI18n()
  return (
    <Section title={t('settings.terminal')}>
      <div className="card">
        <Row label={t('settings.fontSize')}>
          <NumberBox
            label={t('settings.fontSize')}
            value={settings.terminalFontSize}
            min={8}
            max={32}
            onCommit={(terminalFontSize) => save({ terminalFontSize })}
          />
        </Row>
        <Row label={t('settings.fontFamily')}>
          <TextBox
            label={t('settings.fontFamily')}
            value={settings.terminalFontFamily}
            placeholder={t('settings.fontDefault')}
            onCommit={(terminalFontFamily) => save({ terminalFontFamily })}
          />
        </Row>
      </div>
    </Section>
  )
}

function Row({ label, hint, children }: { label: string; hint?: string; children: React.ReactNode }) {
  return (
    <div className="card-row">
      <div className="grow">
        {label}
        {hint && <span className="field-hint">{hint}</span>}
      </div>
      <div className="setting-control">{children}</div>
    </div>
  )
}

function Toggle({
  label,
  hint,
  value,
  onChange,
}: {
  label: string
  hint?: string
  value: boolean
  onChange: (value: boolean) => void
}) {
  return (
    <div className="card-row setting-toggle">
      <Switch label={label} checked={value} onChange={onChange} {...(hint && { hint })} />
    </div>
  )
}

interface TextBoxProps {
  label: string
  value: string
  placeholder: string
  onCommit: (value: string) => void
}

/** Commits when left or on Enter; Escape takes the typing back. */
function TextBox({ label, value, placeholder, onCommit }: TextBoxProps) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  const commit = (): void => {
    if (text.trim() !== value) onCommit(text.trim())
  }
  return (
    <TextInput
      aria-label={label}
      value={text}
      placeholder={placeholder}
      onChange={(event) => setText(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit()
        if (event.key === 'Escape') setText(value)
      }}
    />
  )
}

interface NumberBoxProps {
  label: string
  value: number
  min: number
  max: number
  unit?: string
  onCommit: (value: number) => void
}

function NumberBox({ label, value, min, max, unit, onCommit }: NumberBoxProps) {
  const [text, setText] = useState(String(value))
  useEffect(() => setText(String(value)), [value])
  const commit = (): void => {
    const next = Math.min(max, Math.max(min, Math.round(Number(text))))
    setText(String(Number.isFinite(next) ? next : value))
    if (Number.isFinite(next) && next !== value) onCommit(next)
  }
  return (
    <span className="row number-box">
      <TextInput
        inputMode="numeric"
        aria-label={unit ? `${label} (${unit})` : label}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === 'Enter') commit()
          if (event.key === 'Escape') setText(String(value))
        }}
      />
      {unit && <span className="faint">{unit}</span>}
    </span>
  )
}
