// Everyone who labels: how much, how fast, how well, in which direction they lean; pausing them; inviting more.
import { useState } from 'preact/hooks';
import type { Bias, RaterRow } from '../../../src/core/annotation/lead.ts';
import type { Me } from '../../../src/core/annotationApi.ts';
import { Invitations } from '../admin/invitations.tsx';
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { useStrings } from '../frame/texts.ts';
import { useCriterionNames } from './criterionNames.ts';
import { FigureCell } from './figureCell.tsx';
import { leadApi } from './leadApi.ts';
import { useFormats, useLeadStrings } from './leadTexts.ts';
import { Spark } from './spark.tsx';
import { Table } from './table.tsx';

interface AnnotatorsProps {
  me: Me;
  onSessionEnded(): void;
}

export function Annotators({ me, onSessionEnded }: AnnotatorsProps) {
  const strings = useLeadStrings();
  const loaded = useLoaded(leadApi.raters, 'raters', onSessionEnded);
  const { time } = useFormats();
  const nameOf = useCriterionNames(onSessionEnded);
  return (
    <>
      <h1>{strings.annotators}</h1>
      <WhenLoaded loaded={loaded}>
        {({ raters, behind, computedAt }) => (
          <>
            <p class="muted row">
              <span>
                {time(computedAt)} · {strings.behind(behind)}
              </span>
              <button type="button" onClick={loaded.reload}>
                {strings.reload}
              </button>
            </p>
            {raters.length === 0 ? (
              <p>{strings.noRaters}</p>
            ) : (
              <Raters raters={raters} nameOf={nameOf} onChanged={loaded.reload} />
            )}
          </>
        )}
      </WhenLoaded>
      <Invitations role={me.annotator.role} onSessionEnded={onSessionEnded} />
    </>
  );
}

interface RatersProps {
  raters: RaterRow[];
  nameOf(criterion: string): string;
  onChanged(): void;
}

function Raters({ raters, nameOf, onChanged }: RatersProps) {
  const strings = useLeadStrings();
  const { count, figure, share } = useFormats();
  return (
    <Table
      name={strings.annotators}
      head={[
        strings.name,
        strings.state,
        strings.labels,
        strings.perHour,
        strings.seconds,
        strings.withOthers,
        strings.onGold,
        strings.driftTitle,
        strings.firstBias,
        strings.longBias,
        strings.criteriaTitle,
      ]}
      rows={raters.map((rater) => [
        <>
          {rater.name}
          <small>
            {rater.id}
            {rater.simulated && ` · ${strings.simulated}`}
          </small>
        </>,
        <StateCell key="state" rater={rater} onChanged={onChanged} />,
        <>
          {count(rater.labels)}
          {rater.skipped > 0 && <small>{strings.skipped(rater.skipped)}</small>}
        </>,
        count(rater.perHour),
        <>
          {count(rater.secondsMedian)}
          <small>{strings.secondsText(count(rater.secondsP90))}</small>
        </>,
        <FigureCell key="others" figure={rater.agreementWithOthers} />,
        <>
          <FigureCell figure={rater.gold.score} />
          {rater.gold.answers > 0 && <small>{strings.answers(rater.gold.answers)}</small>}
        </>,
        <span key="drift" class="sparks">
          <Spark name={strings.driftOf.score} values={rater.drift.map(({ meanScore }) => meanScore)} show={figure} />
          <Spark name={strings.driftOf.agreement} values={rater.drift.map(({ agreement }) => agreement)} show={share} />
          <Spark name={strings.driftOf.seconds} values={rater.drift.map(({ seconds }) => seconds)} show={count} />
        </span>,
        <BiasCell key="first" bias={rater.positionBias} />,
        <BiasCell key="long" bias={rater.lengthBias} />,
        Object.entries(rater.criteria).map(([criterion, { mean, differenceFromOthers }]) => (
          <small key={criterion}>
            {nameOf(criterion)}: {figure(mean)}
            {differenceFromOthers !== null &&
              ` (${differenceFromOthers.value > 0 ? '+' : ''}${figure(differenceFromOthers.value)})`}
          </small>
        )),
      ])}
    />
  );
}

/** A bias is clear where its interval leaves out no difference. */
function BiasCell({ bias }: { bias: Bias | null }) {
  const strings = useLeadStrings();
  const { share } = useFormats();
  if (bias === null) return <>{strings.unknown}</>;
  const isClear = bias.difference.low > 0 || bias.difference.high < 0;
  return (
    <>
      {share(bias.share)}
      {isClear && <span class="mark bad">{strings.biasSeen}</span>}
      <small>{strings.biasText(share(bias.expected))}</small>
    </>
  );
}

function StateCell({ rater, onChanged }: { rater: RaterRow; onChanged(): void }) {
  const strings = useLeadStrings();
  const common = useStrings();
  const [problem, setProblem] = useState<string | null>(null);
  const isPaused = rater.paused !== null;
  const change = () => {
    setProblem(null);
    (isPaused ? leadApi.resume(rater.id) : leadApi.pause(rater.id)).then(onChanged, (error: Error) =>
      setProblem(error.message),
    );
  };
  return (
    <span class="state">
      {rater.paused !== null && <span class="mark bad">{strings.pausedBy[rater.paused.reason]}</span>}
      {strings.qualification[rater.qualification]}
      <button
        type="button"
        aria-label={isPaused ? strings.resumeOf(rater.name) : strings.pauseOf(rater.name)}
        onClick={change}
      >
        {isPaused ? strings.resume : strings.pause}
      </button>
      {problem !== null && <small role="alert">{common.failed(problem)}</small>}
    </span>
  );
}
