// A labeled number, kept as it was typed.
interface NumberFieldProps {
  label: string;
  value: string;
  onValue(value: string): void;
  isOptional?: boolean;
}

export function NumberField({ label, value, onValue, isOptional = false }: NumberFieldProps) {
  return (
    <label>
      <span>{label}</span>
      <input
        type="number"
        step="any"
        required={!isOptional}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </label>
  );
}
