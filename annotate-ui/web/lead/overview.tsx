// How far the work is, how fast it goes, and what the lead should know of.
import { useEffect } from 'preact/hooks';
import type { OverviewReply } from '../../../src/core/annotation/lead.ts';
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { Chart } from './chart.tsx';
import { dailyOption } from './dailyChart.ts';
import { leadApi } from './leadApi.ts';
import { useFormats, useLeadStrings } from './leadTexts.ts';
import { Tile } from './tile.tsx';

const REFRESH_MS = 20_000;

export function Overview({ onSessionEnded }: { onSessionEnded(): void }) {
  const strings = useLeadStrings();
  const loaded = useLoaded(leadApi.overview, 'overview', onSessionEnded);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && loaded.reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [loaded.reload]);
  return (
    <WhenLoaded loaded={loaded}>
      {(overview) => (
        <>
          <h1>{overview.settings.title}</h1>
          <progress
            class="wide"
            value={overview.items.complete}
            max={Math.max(overview.items.total, 1)}
            aria-label={strings.progressLabel(overview.items.complete, overview.items.total)}
          />
          <Figures overview={overview} />
          <Notices overview={overview} />
          {overview.daily.length > 0 && (
            <section aria-labelledby="daily">
              <h2 id="daily">{strings.daily}</h2>
              <Chart
                name={strings.daily}
                height={220}
                option={(colors) => dailyOption(overview.daily, { colors, labels: strings.labels })}
                head={[strings.day, strings.labels]}
                rows={overview.daily.map(({ day, labels, skipped }) => [
                  day,
                  `${labels} (${strings.skipped(skipped)})`,
                ])}
              />
            </section>
          )}
        </>
      )}
    </WhenLoaded>
  );
}

function Figures({ overview }: { overview: OverviewReply }) {
  const strings = useLeadStrings();
  const { count, share, time } = useFormats();
  const { items, labels, pace, gold } = overview;
  return (
    <dl class="tiles">
      <Tile name={strings.complete} value={count(items.complete)}>
        {strings.ofTotal(items.total)}
      </Tile>
      <Tile name={strings.labels} value={count(labels.given)}>
        {strings.ofNeeded(labels.needed)}
        {labels.skipped > 0 && `, ${strings.skipped(labels.skipped)}`}
      </Tile>
      <Tile name={strings.pace} value={count(pace.perHour)}>
        {labels.needed === 0
          ? strings.allDone
          : pace.finishAt === null
            ? strings.noFinish
            : strings.finish(time(pace.finishAt))}
      </Tile>
      <Tile name={strings.activeNow} value={count(overview.activeNow)}>
        {strings.lastMinutes}
      </Tile>
      <Tile name={strings.inDispute} value={count(items.inDispute)}>
        {strings.adjudicated(items.adjudicated)}
      </Tile>
      <Tile name={strings.gold} value={share(gold.score)}>
        {overview.settings.gold === null ? strings.noGold : strings.goldAnswers(gold.answers)}
      </Tile>
    </dl>
  );
}

function Notices({ overview }: { overview: OverviewReply }) {
  const strings = useLeadStrings();
  const { time } = useFormats();
  return (
    <section aria-labelledby="notices">
      <h2 id="notices">{strings.notices}</h2>
      {overview.items.inDispute > 0 && <p>{strings.disputesOpen(overview.items.inDispute)}</p>}
      {overview.notices.length > 0 || overview.items.inDispute > 0 ? null : <p class="muted">{strings.noNotices}</p>}
      {overview.notices.length > 0 && (
        <ul class="notices">
          {overview.notices.map(({ kind, subject, text, at }) => (
            <li key={`${kind} ${subject} ${at}`} lang="en">
              {text} <span class="muted">{time(at)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
