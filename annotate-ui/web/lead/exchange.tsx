// Labels out as files, and files in as a new candidate set.
import { useState } from 'preact/hooks';
import type { ImportFormat, ImportReply } from '../../../src/core/annotation/exchange.ts';
import { useStrings } from '../frame/texts.ts';
import { leadApi } from './leadApi.ts';
import { useLeadStrings } from './leadTexts.ts';

export function Exchange() {
  const strings = useLeadStrings();
  return (
    <>
      <h1>{strings.section.data}</h1>
      <section aria-labelledby="export">
        <h2 id="export">{strings.exportTitle}</h2>
        <p class="muted">{strings.exportHint}</p>
        <ul class="links">
          {Object.entries(strings.exports).map(([format, text]) => (
            <li key={format}>
              <a href={`/api/lead/export?format=${format}`} download>
                {text}
              </a>
            </li>
          ))}
        </ul>
      </section>
      <ImportForm />
    </>
  );
}

type Outcome =
  | { state: 'none' }
  | { state: 'busy' }
  | { state: 'failed'; message: string }
  | { state: 'done'; reply: ImportReply };

function ImportForm() {
  const strings = useLeadStrings();
  const common = useStrings();
  const [format, setFormat] = useState<ImportFormat>('auto');
  const [file, setFile] = useState<File | null>(null);
  const [outcome, setOutcome] = useState<Outcome>({ state: 'none' });
  const submit = async () => {
    if (file === null) return;
    setOutcome({ state: 'busy' });
    try {
      setOutcome({ state: 'done', reply: await leadApi.importFile(format, file) });
    } catch (error) {
      setOutcome({ state: 'failed', message: error instanceof Error ? error.message : '' });
    }
  };
  const message = {
    none: '',
    busy: strings.importing,
    failed: outcome.state === 'failed' ? common.failed(outcome.message) : '',
    done:
      outcome.state === 'done'
        ? strings.imported(outcome.reply.candidateSetId, outcome.reply.items, outcome.reply.judgements)
        : '',
  }[outcome.state];
  return (
    <form
      class="form"
      aria-labelledby="import"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h2 id="import">{strings.importTitle}</h2>
      <p class="muted">{strings.importHint}</p>
      <label>
        <span>{strings.format}</span>
        <select value={format} onChange={(event) => setFormat(event.currentTarget.value as ImportFormat)}>
          {Object.entries(strings.formats).map(([name, text]) => (
            <option key={name} value={name}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{strings.file}</span>
        <input type="file" required onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)} />
      </label>
      <p role="status" class={outcome.state === 'failed' ? 'problem' : ''}>
        {message}
      </p>
      {outcome.state === 'done' && outcome.reply.passedOverTotal > 0 && (
        <>
          <p>{strings.passedOver(outcome.reply.passedOverTotal)}</p>
          <ul class="notices" lang="en">
            {outcome.reply.passedOver.map(({ record, reason }) => (
              <li key={record}>
                {record}: {reason}
              </li>
            ))}
          </ul>
        </>
      )}
      <button type="submit" class="primary" disabled={outcome.state === 'busy' || file === null}>
        {strings.importButton}
      </button>
    </form>
  );
}
