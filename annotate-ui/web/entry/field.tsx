// A labeled text field with its hint.
interface FieldProps {
  id: string;
  label: string;
  value: string;
  onValue(value: string): void;
  type?: 'text' | 'password';
  hint?: string;
  autocomplete?: string;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  required?: boolean;
}

export function Field({ id, label, value, onValue, type = 'text', hint, ...rest }: FieldProps) {
  const shared = {
    id,
    spellcheck: false,
    autocapitalize: 'off',
    value,
    'aria-describedby': hint === undefined ? undefined : `${id}-hint`,
    onInput: (event: { currentTarget: HTMLInputElement }) => onValue(event.currentTarget.value),
    ...rest,
  } as const;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {type === 'password' ? <input type="password" {...shared} /> : <input type="text" {...shared} />}
      {hint !== undefined && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}
