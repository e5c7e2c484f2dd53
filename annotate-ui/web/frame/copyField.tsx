// A text to pass on: shown whole, selected by a click, copied by a button.
import { useState } from 'preact/hooks';
import { useStrings } from './texts.ts';

interface CopyFieldProps {
  label: string;
  value: string;
}

export function CopyField({ label, value }: CopyFieldProps) {
  const strings = useStrings();
  const [isCopied, setCopied] = useState(false);
  const copy = () => {
    // Absent on pages served over plain HTTP to other machines: there the text is selected by hand.
    navigator.clipboard?.writeText(value).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <div class="copy">
      <input type="text" readOnly aria-label={label} value={value} onFocus={(event) => event.currentTarget.select()} />
      <button type="button" onClick={copy}>
        {isCopied ? strings.copied : strings.copy}
      </button>
      <span class="sr-only" role="status">
        {isCopied ? strings.copied : ''}
      </span>
    </div>
  );
}
