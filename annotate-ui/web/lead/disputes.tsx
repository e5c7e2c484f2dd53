// Items whose raters disagree, the widest apart first.
import { useState } from 'preact/hooks';
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { addressOf } from '../frame/route.ts';
import { DISPUTES_PAGE, leadApi } from './leadApi.ts';
import { useFormats, useLeadStrings } from './leadTexts.ts';
import { Table } from './table.tsx';

export function Disputes({ onSessionEnded }: { onSessionEnded(): void }) {
  const strings = useLeadStrings();
  const { count, share } = useFormats();
  const [offset, setOffset] = useState(0);
  const [hasDecided, setHasDecided] = useState(false);
  const loaded = useLoaded(() => leadApi.disputes(offset, hasDecided), `${offset} ${hasDecided}`, onSessionEnded);
  return (
    <>
      <h1>{strings.disputes}</h1>
      <div class="row">
        <p class="muted">{strings.disputesHint}</p>
        <label class="option">
          <input
            type="checkbox"
            checked={hasDecided}
            onChange={(event) => {
              setHasDecided(event.currentTarget.checked);
              setOffset(0);
            }}
          />
          <span>{strings.showDecided}</span>
        </label>
      </div>
      <WhenLoaded loaded={loaded}>
        {({ disputes, total }) => (
          <>
            {disputes.length === 0 ? (
              <p>{strings.noDisputes}</p>
            ) : (
              <Table
                name={strings.disputes}
                head={[strings.prompt, strings.raters, strings.apart]}
                rows={disputes.map((dispute) => [
                  <>
                    <a href={addressOf({ view: 'lead', section: 'disputes', itemId: dispute.itemId })}>
                      {dispute.excerpt}
                    </a>
                    {dispute.adjudicated && <span class="mark">{strings.decided}</span>}
                  </>,
                  count(dispute.raters),
                  <>
                    <meter min={0} max={1} value={dispute.disagreement} aria-hidden="true" />
                    <small>{strings.apartText(share(dispute.comparison), dispute.scoreRange)}</small>
                  </>,
                ])}
              />
            )}
            {offset + DISPUTES_PAGE < total && (
              <button type="button" onClick={() => setOffset(offset + DISPUTES_PAGE)}>
                {strings.more}
              </button>
            )}
          </>
        )}
      </WhenLoaded>
    </>
  );
}
