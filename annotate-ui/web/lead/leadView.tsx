// The lead's view: its sections, one at a time.
import type { Me } from '../../../src/core/annotationApi.ts';
import { addressOf, LEAD_SECTIONS, type Route } from '../frame/route.ts';
import { TopBar } from '../frame/topBar.tsx';
import { Adjudication } from './adjudication.tsx';
import { Agreement } from './agreement.tsx';
import { Annotators } from './annotators.tsx';
import { Disputes } from './disputes.tsx';
import { Exchange } from './exchange.tsx';
import { useLeadStrings } from './leadTexts.ts';
import { Overview } from './overview.tsx';
import { Settings } from './settings.tsx';

export interface ViewProps {
  me: Me;
  route: Route;
  onSignOut(): void;
  onSessionEnded(): void;
}

export function LeadView({ me, route, onSignOut, onSessionEnded }: ViewProps) {
  const strings = useLeadStrings();
  const { section, itemId } = route.view === 'lead' ? route : { section: 'overview' as const, itemId: null };
  const part = () => {
    switch (section) {
      case 'overview':
        return <Overview onSessionEnded={onSessionEnded} />;
      case 'annotators':
        return <Annotators me={me} onSessionEnded={onSessionEnded} />;
      case 'agreement':
        return <Agreement onSessionEnded={onSessionEnded} />;
      case 'disputes':
        return itemId === null ? (
          <Disputes onSessionEnded={onSessionEnded} />
        ) : (
          <Adjudication key={itemId} itemId={itemId} onSessionEnded={onSessionEnded} />
        );
      case 'settings':
        return <Settings onSessionEnded={onSessionEnded} />;
      case 'data':
        return <Exchange />;
      default:
        return section satisfies never;
    }
  };
  return (
    <>
      <TopBar name={me.annotator.name} role={me.annotator.role} view="lead" onSignOut={onSignOut} />
      <nav class="sections" aria-label={strings.sections}>
        {LEAD_SECTIONS.map((name) => (
          <a
            key={name}
            href={addressOf({ view: 'lead', section: name, itemId: null })}
            aria-current={name === section ? 'page' : undefined}
          >
            {strings.section[name]}
          </a>
        ))}
      </nav>
      <main class="board">{part()}</main>
    </>
  );
}
