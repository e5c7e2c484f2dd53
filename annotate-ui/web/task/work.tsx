// The annotator's whole way: guidelines first, the practice round where there is one, then item after item.
import { useEffect, useState } from 'preact/hooks';
import type { ProjectReply } from '../../../src/core/annotationApi.ts';
import { GuidelinesPage } from '../entry/guidelinesPage.tsx';
import { Notice } from '../frame/notice.tsx';
import { useStrings } from '../frame/texts.ts';
import { TopBar } from '../frame/topBar.tsx';
import { api } from '../net/api.ts';
import { ApiError } from '../net/call.ts';
import { Labeling, type WorkProps } from './labeling.tsx';

const RETRY_MS = 4000;

/** What all annotators are told of the project; asked for again until it comes. */
function useProject({ onSessionEnded }: WorkProps): ProjectReply | null {
  const [project, setProject] = useState<ProjectReply | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    let isGone = false;
    const ask = () => {
      api.project().then(
        (reply) => {
          if (isGone) return;
          setProject(reply);
        },
        (error) => {
          if (isGone) return;
          if (error instanceof ApiError && error.status === 401) onSessionEnded();
          else timer = setTimeout(ask, RETRY_MS);
        },
      );
    };
    ask();
    return () => {
      isGone = true;
      if (timer !== null) clearTimeout(timer);
    };
  }, []);
  return project;
}

export function Work(props: WorkProps) {
  const { me, onSignOut } = props;
  const strings = useStrings();
  const project = useProject(props);
  const [standing, setStanding] = useState(me.standing);
  const bar = <TopBar name={me.annotator.name} role={me.annotator.role} view="work" onSignOut={onSignOut} />;
  if (project === null) {
    return (
      <>
        {bar}
        <Notice text={strings.loading} isQuiet />
      </>
    );
  }
  if (!standing.guidelinesRead) {
    return (
      <>
        {bar}
        <GuidelinesPage
          project={project}
          onRead={async () => {
            const reply = await api.guidelinesRead();
            setStanding(reply.standing);
          }}
        />
      </>
    );
  }
  return <Labeling {...props} me={{ ...me, standing }} project={project} />;
}
