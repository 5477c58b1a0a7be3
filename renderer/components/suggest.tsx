import { Autocomplete } from '@base-ui/react/autocomplete'

interface SuggestProps {
  id?: string
  value: string
  onChange: (value: string) => void
  items: readonly string[]
  /** A name, where no label is beside it. */
  label?: string
  placeholder?: string
  autoFocus?: boolean
  invalid?: boolean
  /** The list already answers what was typed. */
  filtered?: boolean
  /** What is said beside an item. */
  details?: ReadonlyMap<string, string>
}

/** A text field with suggestions; anything may be typed. */
export function Suggest({
  id,
  value,
  onChange,
  items,
  label,
  placeholder,
  autoFocus = false,
  invalid = false,
  filtered = false,
  details,
}: SuggestProps) {
  return (
    <Autocomplete.Root items={items} value={value} onValueChange={onChange} mode={filtered ? 'none' : 'list'}>
      <Autocomplete.Input
        id={id}
        className="input"
        aria-label={label}
        placeholder={placeholder}
        autoFocus={autoFocus}
        spellCheck={false}
        aria-invalid={invalid}
      />
      <Autocomplete.Portal>
        <Autocomplete.Positioner className="menu-positioner" align="start" sideOffset={4}>
          <Autocomplete.Popup
            className="select-popup"
            style={{ minWidth: 'var(--anchor-width)' }}
            hidden={items.every((item) => item === value)}
          >
            <Autocomplete.List className="suggest-list">
              {(item: string) => (
                <Autocomplete.Item key={item} value={item} className="menu-item">
                  <span className="ellipsis">{item}</span>
                  {details?.get(item) && (
                    <span className="faint ellipsis suggest-detail">{details.get(item)}</span>
                  )}
                </Autocomplete.Item>
              )}
            </Autocomplete.List>
          </Autocomplete.Popup>
        </Autocomplete.Positioner>
      </Autocomplete.Portal>
    </Autocomplete.Root>
  )
}
