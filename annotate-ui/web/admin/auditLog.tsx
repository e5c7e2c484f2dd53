// Who did what, a page at a time.
import { useState } from 'preact/hooks';
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { useFormats } from '../lead/leadTexts.ts';
import { Table } from '../lead/table.tsx';
import { adminApi } from './adminApi.ts';
import { useAdminStrings } from './adminTexts.ts';

export function AuditLog({ onSessionEnded }: { onSessionEnded(): void }) {
  const strings = useAdminStrings();
  const { time } = useFormats();
  const [before, setBefore] = useState<number | null>(null);
  const loaded = useLoaded(() => adminApi.audit(before), String(before), onSessionEnded);
  return (
    <>
      <h1>{strings.audit}</h1>
      <p class="muted">{strings.auditHint}</p>
      <WhenLoaded loaded={loaded}>
        {({ entries, nextBefore }) => (
          <>
            <Table
              name={strings.audit}
              head={[strings.when, strings.who, strings.did, strings.toWhom, strings.details, strings.from]}
              rows={entries.map((entry) => [
                time(entry.at),
                entry.who ?? strings.nobody,
                <code key="action">{entry.action}</code>,
                entry.subject ?? '',
                <code key="details">
                  {Object.keys(entry.details).length === 0 ? '' : JSON.stringify(entry.details)}
                </code>,
                entry.address ?? '',
              ])}
            />
            <div class="row end">
              {before !== null && (
                <button type="button" onClick={() => setBefore(null)}>
                  {strings.newest}
                </button>
              )}
              {nextBefore !== null && (
                <button type="button" onClick={() => setBefore(nextBefore)}>
                  {strings.older}
                </button>
              )}
            </div>
          </>
        )}
      </WhenLoaded>
    </>
  );
}
