// How far people agree, criterion by criterion, and how far judges agree with people; whether the gate is open.
import type { AgreementReply } from '../../../src/core/annotation/lead.ts';
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { agreementOption } from './agreementChart.ts';
import { Chart } from './chart.tsx';
import { COMPARISON, useCriterionNames } from './criterionNames.ts';
import { FigureCell } from './figureCell.tsx';
import { leadApi } from './leadApi.ts';
import { useFormats, useLeadStrings } from './leadTexts.ts';
import { Table } from './table.tsx';

const ROW_PX = 52;
const AXIS_PX = 44;

export function Agreement({ onSessionEnded }: { onSessionEnded(): void }) {
  const strings = useLeadStrings();
  const { time } = useFormats();
  const loaded = useLoaded(leadApi.agreement, 'agreement', onSessionEnded);
  const nameOf = useCriterionNames(onSessionEnded);
  return (
    <>
      <h1>{strings.agreement}</h1>
      <WhenLoaded loaded={loaded}>
        {(agreement) => (
          <>
            <p class="muted row">
              <span>
                {time(agreement.computedAt)} · {strings.behind(agreement.behind)}
              </span>
              <button type="button" onClick={loaded.reload}>
                {strings.reload}
              </button>
            </p>
            <GateState gate={agreement.gate} />
            {agreement.rows.length === 0 ? (
              <p>{strings.noAgreement}</p>
            ) : (
              <Rows rows={agreement.rows} nameOf={nameOf} />
            )}
            <Pairs rows={agreement.rows} nameOf={nameOf} />
            <Judges judges={agreement.judges} nameOf={nameOf} />
          </>
        )}
      </WhenLoaded>
    </>
  );
}

function GateState({ gate }: { gate: AgreementReply['gate'] }) {
  const strings = useLeadStrings();
  return (
    <section class={`gate ${gate.state}`} aria-labelledby="gate">
      <h2 id="gate">
        {strings.gate}: {strings.gateStates[gate.state]}
      </h2>
      <p>{strings.gateHint[gate.state]}</p>
      {gate.reasons.length > 0 && (
        <ul lang="en">
          {gate.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Which reply is better is nominal; scores are ordinal. */
const mainAlpha = ({ criterion, alpha }: AgreementReply['rows'][number]) =>
  criterion === COMPARISON ? alpha.nominal : alpha.ordinal;

interface RowsProps {
  rows: AgreementReply['rows'];
  nameOf(criterion: string): string;
}

function Rows({ rows, nameOf }: RowsProps) {
  const strings = useLeadStrings();
  const { count, figure, interval } = useFormats();
  const lines = rows.map((row) => ({ name: nameOf(row.criterion), alpha: mainAlpha(row), bar: row.bar }));
  return (
    <>
      <p class="muted">{strings.agreementHint}</p>
      <Chart
        name={strings.agreement}
        height={rows.length * ROW_PX + AXIS_PX}
        option={(colors) => agreementOption(lines, colors)}
        head={[strings.criterion, strings.alpha.ordinal, strings.bar]}
        rows={lines.map(({ name, alpha, bar }) => {
          const { value, range } = interval(alpha);
          return [name, range === '' ? value : `${value} (${range})`, figure(bar)];
        })}
      />
      <Table
        name={strings.agreement}
        head={[
          strings.criterion,
          strings.units,
          strings.alpha.nominal,
          strings.alpha.ordinal,
          strings.alpha.interval,
          strings.fleiss,
          strings.percent,
          strings.bar,
        ]}
        rows={rows.map((row) => [
          nameOf(row.criterion),
          count(row.units),
          <FigureCell key="nominal" figure={row.alpha.nominal} />,
          <FigureCell key="ordinal" figure={row.alpha.ordinal} />,
          <FigureCell key="interval" figure={row.alpha.interval} />,
          <FigureCell key="fleiss" figure={row.fleissKappa} />,
          <FigureCell key="percent" figure={row.percentAgreement} />,
          <>
            {figure(row.bar)}
            {row.gate === 'shut' && <span class="mark bad">{strings.gateStates.shut}</span>}
          </>,
        ])}
      />
    </>
  );
}

function Pairs({ rows, nameOf }: RowsProps) {
  const strings = useLeadStrings();
  const { count } = useFormats();
  const pairs = rows.filter((row) => row.cohenKappa.length > 0);
  if (pairs.length === 0) return null;
  return (
    <section aria-labelledby="cohen">
      <h2 id="cohen">{strings.cohen}</h2>
      {pairs.map((row) => (
        <details key={row.criterion}>
          <summary>{nameOf(row.criterion)}</summary>
          <Table
            name={`${strings.cohen}: ${nameOf(row.criterion)}`}
            head={[strings.pair, strings.shared, strings.kappa]}
            rows={row.cohenKappa.map(({ raters, units, kappa }) => [
              raters.join(' · '),
              count(units),
              <FigureCell key="kappa" figure={kappa} />,
            ])}
          />
        </details>
      ))}
    </section>
  );
}

interface JudgesProps {
  judges: AgreementReply['judges'];
  nameOf(criterion: string): string;
}

function Judges({ judges, nameOf }: JudgesProps) {
  const strings = useLeadStrings();
  const { count } = useFormats();
  const criteria = [...new Set(judges.flatMap(({ correlation }) => Object.keys(correlation)))];
  return (
    <section aria-labelledby="judges">
      <h2 id="judges">{strings.judges}</h2>
      {judges.length === 0 ? (
        <p class="muted">{strings.noJudges}</p>
      ) : (
        <Table
          name={strings.judges}
          head={[
            strings.judge,
            strings.items,
            strings.percent,
            strings.kappa,
            ...criteria.map((criterion) => strings.correlation(nameOf(criterion))),
            strings.missing,
          ]}
          rows={judges.map((judge) => [
            judge.judge,
            count(judge.items),
            <FigureCell key="percent" figure={judge.percentAgreement} />,
            <FigureCell key="kappa" figure={judge.kappa} />,
            ...criteria.map((criterion) => <FigureCell key={criterion} figure={judge.correlation[criterion]} />),
            count(judge.missing),
          ])}
        />
      )}
    </section>
  );
}
