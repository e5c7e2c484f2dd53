// A reply in the annotator's own words: begins with the reply, kept at every stroke.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { useStrings } from '../frame/texts.ts';

interface CorrectionEditorProps {
  candidateKey: string;
  text: string;
  hasCorrection: boolean;
  /** Null goes back to the reply as it was. */
  onText(text: string | null): void;
  onDone(): void;
}

const MAX_CHARS = 20_000;

export function CorrectionEditor({ candidateKey, text, hasCorrection, onText, onDone }: CorrectionEditorProps) {
  const strings = useStrings();
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    area.current?.focus();
    area.current?.setSelectionRange(text.length, text.length);
  }, []);
  const drop = () => {
    onText(null);
    onDone();
  };
  return (
    <div class="correction">
      <textarea
        ref={area}
        aria-label={strings.correcting(candidateKey)}
        maxLength={MAX_CHARS}
        rows={Math.min(14, 3 + Math.ceil(text.length / 50))}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
        onKeyDown={(event) => {
          const isDone = event.key === 'Escape' || (event.key === 'Enter' && (event.ctrlKey || event.metaKey));
          if (!isDone || event.isComposing) return;
          event.preventDefault();
          event.stopPropagation();
          onDone();
        }}
      />
      <div class="row end">
        <button type="button" onClick={drop} disabled={!hasCorrection}>
          {strings.correctionDrop}
        </button>
        <button type="button" class="primary" onClick={onDone}>
          {strings.correctionDone}
        </button>
      </div>
    </div>
  );
}
