import { Checkbox as BaseCheckbox } from '@base-ui/react/checkbox'
import { Select as BaseSelect } from '@base-ui/react/select'
import { Switch as BaseSwitch } from '@base-ui/react/switch'
import { Check, ChevronsUpDown, Minus, Search, X } from 'lucide-react'
import { type ComponentProps, type ReactNode, type Ref, useId } from 'react'
import { useI18n } from '../i18n.ts'
import './field.css'

interface FieldProps {
  label: string
  hint?: ReactNode
  problem?: string | undefined
  children: (props: {
    id: string
    'aria-describedby': string | undefined
    'aria-invalid': boolean
  }) => ReactNode
}

/** A labelled control with its hint, or what is wrong with it, below. */
export function Field({ label, hint, problem, children }: FieldProps) {
  const id = useId()
  const described = problem || hint ? `${id}-hint` : undefined
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      {children({ id, 'aria-describedby': described, 'aria-invalid': problem !== undefined })}
      {(problem || hint) && (
        <div id={described} className={problem ? 'field-problem' : 'field-hint'}>
          {problem ?? hint}
        </div>
      )}
    </div>
  )
}

export function TextInput(props: Omit<ComponentProps<'input'>, 'className'> & { mono?: boolean }) {
  const { mono, ...rest } = props
  return (
    <input
      type="text"
      spellCheck={false}
      autoComplete="off"
      {...rest}
      className={mono ? 'input mono' : 'input'}
    />
  )
}

export function TextArea(props: Omit<ComponentProps<'textarea'>, 'className'>) {
  return <textarea spellCheck={false} {...props} className="input textarea mono" />
}

interface SelectProps<T extends string> {
  value: T
  options: readonly { value: T; label: string }[]
  onChange: (value: T) => void
  label?: string
  id?: string
}

export function Select<T extends string>({ value, options, onChange, label, id }: SelectProps<T>) {
  return (
    <BaseSelect.Root
      items={options}
      value={value}
      onValueChange={(next) => next !== null && onChange(next as T)}
    >
      <BaseSelect.Trigger className="select" aria-label={label} id={id}>
        <BaseSelect.Value className="ellipsis" />
        <ChevronsUpDown size={13} className="faint" aria-hidden />
      </BaseSelect.Trigger>
      <BaseSelect.Portal>
        <BaseSelect.Positioner className="menu-positioner" sideOffset={4} alignItemWithTrigger={false}>
          <BaseSelect.Popup className="select-popup">
            {options.map((option) => (
              <BaseSelect.Item key={option.value} value={option.value} className="menu-item">
                <span className="menu-icon">
                  <BaseSelect.ItemIndicator>
                    <Check size={13} aria-hidden />
                  </BaseSelect.ItemIndicator>
                </span>
                <BaseSelect.ItemText>{option.label}</BaseSelect.ItemText>
              </BaseSelect.Item>
            ))}
          </BaseSelect.Popup>
        </BaseSelect.Positioner>
      </BaseSelect.Portal>
    </BaseSelect.Root>
  )
}

interface CheckProps {
  checked: boolean
  onChange: (checked: boolean) => void
  label: string
  hint?: string
  disabled?: boolean
}

export function Switch({ checked, onChange, label, hint, disabled = false }: CheckProps) {
  const id = useId()
  return (
    <div className="switch-row">
      <label className="grow" htmlFor={id}>
        <span>{label}</span>
        {hint && <span className="field-hint">{hint}</span>}
      </label>
      <BaseSwitch.Root
        id={id}
        className="switch"
        checked={checked}
        onCheckedChange={onChange}
        disabled={disabled}
      >
        <BaseSwitch.Thumb className="switch-thumb" />
      </BaseSwitch.Root>
    </div>
  )
}

export function Checkbox({ checked, onChange, label, hint, disabled = false }: CheckProps) {
  const id = useId()
  return (
    <div className="check-row">
      <BaseCheckbox.Root
        id={id}
        className="checkbox"
        checked={checked}
        onCheckedChange={onChange}
        disabled={disabled}
      >
        <BaseCheckbox.Indicator className="checkbox-mark">
          <Check size={11} strokeWidth={3} aria-hidden />
        </BaseCheckbox.Indicator>
      </BaseCheckbox.Root>
      <label htmlFor={id} className="grow">
        {label}
        {hint && <span className="field-hint">{hint}</span>}
      </label>
    </div>
  )
}

/** A bare box for a row or a group; its state is announced by the row itself. */
export function RowCheck({ state }: { state: 'on' | 'off' | 'some' }) {
  return (
    <span className="checkbox" data-checked={state === 'off' ? undefined : ''} aria-hidden>
      {state === 'on' && <Check size={11} strokeWidth={3} />}
      {state === 'some' && <Minus size={11} strokeWidth={3} />}
    </span>
  )
}

interface SearchProps {
  value: string
  onChange: (value: string) => void
  placeholder: string
  inputRef?: Ref<HTMLInputElement>
  onKeyDown?: ComponentProps<'input'>['onKeyDown']
}

/** The search box of a page; `/` focuses it (data-search), Escape clears it. */
export function SearchInput({ value, onChange, placeholder, inputRef, onKeyDown }: SearchProps) {
  const { t } = useI18n()
  return (
    <div className="search">
      <Search size={14} aria-hidden />
      <input
        ref={inputRef}
        data-search
        type="search"
        spellCheck={false}
        aria-label={placeholder}
        placeholder={placeholder}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            if (value === '') event.currentTarget.blur()
            onChange('')
          }
          onKeyDown?.(event)
        }}
      />
      {value === '' ? (
        <kbd aria-hidden>/</kbd>
      ) : (
        <button type="button" aria-label={t('common.clearSearch')} onClick={() => onChange('')}>
          <X size={13} aria-hidden />
        </button>
      )}
    </div>
  )
}

interface SegmentsProps<T extends string> {
  value: T
  options: readonly { value: T; label: string; count?: string | undefined }[]
  onChange: (value: T) => void
  label: string
}

/** A short choice whose options are all seen. */
export function Segments<T extends string>({ value, options, onChange, label }: SegmentsProps<T>) {
  return (
    <fieldset className="segments" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          className="segment"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.label}
          {option.count !== undefined && <span className="segment-count num">{option.count}</span>}
        </button>
      ))}
    </fieldset>
  )
}
